/// A term of a distillation as a recipe writes it: `kd`, or `{kd: {temperature: 4}, weight: 0.9}`.
public struct TermChoice: Codable, Sendable {
  /// The term and its options.
  public let selection: Selection
  /// Multiplies the term.
  public let weight: Ramp

  private static let weightKey = "weight"

  public init(_ selection: Selection, weight: Ramp = 1) {
    (self.selection, self.weight) = (selection, weight)
  }

  /// Reads a name, or a map of a name with options and perhaps a `weight`.
  public init(from decoder: any Decoder) throws {
    var node = try ConfigurationNode(from: decoder)
    guard let entries = node.entries else {
      self.init(try Selection(node))
      return
    }
    let weight = try node[Self.weightKey]?.decode(Ramp.self) ?? 1
    try node.require(Self.weightKey, weight, atLeast: 0)
    let terms = entries.filter { $0.key.foldedKey != Self.weightKey }
    guard terms.count == 1 else {
      throw node.error(
        "must be one term and perhaps its weight, such as `{kd: {temperature: 4}, weight: 0.9}`, found \(node.found)"
      )
    }
    node.content = .map(terms)
    self.init(try Selection(node), weight: weight)
  }

  /// Writes the choice as it was read.
  public func encode(to encoder: any Encoder) throws {
    guard weight != 1 else { return try selection.encode(to: encoder) }
    var node = selection.node
    let name = ConfigurationNode.Entry(key: selection.name, origin: node.origin, value: selection.options)
    let value = try NodeEncoder.encode(weight)
    node.content = .map([
      name, ConfigurationNode.Entry(key: Self.weightKey, origin: node.origin, value: value),
    ])
    try node.encode(to: encoder)
  }
}
