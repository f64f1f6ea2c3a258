/// Decodes `Decodable` types from a ``ConfigurationNode``, strictly: keys that the type never asks for,
/// values of the wrong type and missing keys are errors that name file, line and key, and list what is
/// allowed.
///
/// Swift's `weightDecay` is `weight_decay` or `weight-decay` in the file. Enumerations that are
/// `CaseIterable` with text as raw value list their values when none matches. Types that conform to
/// ``Configurable`` take what the file leaves out from their initial values.
public struct NodeDecoder: Decoder {
  /// The value being decoded.
  public let node: ConfigurationNode
  /// What stands in for the keys that the node leaves out.
  let defaults: ConfigurationNode?
  let questions: Questions

  /// Empty: nodes carry their own path.
  public var codingPath: [any CodingKey] { [] }
  /// Empty.
  public var userInfo: [CodingUserInfoKey: Any] { [:] }

  init(_ node: ConfigurationNode, defaults: ConfigurationNode? = nil) {
    self.node = node
    self.defaults = defaults
    questions = Questions()
  }

  /// The node as a map, whose keys are remembered as they are asked for.
  public func container<Key: CodingKey>(keyedBy type: Key.Type) throws -> KeyedDecodingContainer<Key> {
    KeyedDecodingContainer(try KeyedNode<Key>(self))
  }

  /// The node as a list.
  public func unkeyedContainer() throws -> any UnkeyedDecodingContainer {
    guard case .list(let items) = node.content else {
      throw node.error("must be a list, found \(node.found)")
    }
    return ListedNodes(node: node, items: items)
  }

  /// The node as a single value.
  public func singleValueContainer() throws -> any SingleValueDecodingContainer {
    SingleNode(node: node)
  }
}

extension NodeDecoder {
  /// The keys that a type has asked for while it was decoded; whatever else the node holds is a mistake.
  final class Questions {
    private(set) var keys: [String] = []
    var nested: [NodeDecoder] = []

    func ask(_ key: String) {
      if !keys.contains(key) { keys.append(key) }
    }
  }

  /// Throws for the first key that was never asked for.
  func rejectUnknownKeys() throws {
    var answered: Set<String> = []
    for entry in node.entries ?? [] {
      let isKnown = questions.keys.contains { $0 == entry.key || $0.foldedKey == entry.key.foldedKey }
      guard isKnown else { throw unknownKey(entry) }
      let isExact = questions.keys.contains(entry.key)
      guard answered.insert(isExact ? entry.key : entry.key.foldedKey).inserted else {
        throw node.error(at: entry.key, "duplicate key in another spelling")
      }
      answered.insert(isExact ? entry.key : entry.key.foldedKey)
    }
    for decoder in questions.nested { try decoder.rejectUnknownKeys() }
  }

  private func unknownKey(_ entry: ConfigurationNode.Entry) -> ConfigurationError {
    let allowed = questions.keys.map(\.snakeCased)
    let message =
      if allowed.isEmpty {
        "unknown key `\(entry.key)`: nothing can be set here"
      } else if let meant = entry.key.closest(in: allowed) {
        "unknown key `\(entry.key)`, did you mean `\(meant)`? Allowed: \(allowed.sorted().quotedList)"
      } else {
        "unknown key `\(entry.key)`. Allowed: \(allowed.sorted().quotedList)"
      }
    return ConfigurationError(origin: entry.origin, path: node.path, message: message)
  }

  /// The error for a key that is not there, or that is there with a slip in its name.
  func missing(_ key: String) -> ConfigurationError {
    let name = key.snakeCased
    let strangers = (node.entries ?? []).filter { entry in
      !questions.keys.contains { $0.foldedKey == entry.key.foldedKey }
    }
    if let slip = strangers.first(where: { $0.key.closest(in: [name]) != nil }) {
      return ConfigurationError(
        origin: slip.origin, path: node.path, message: "unknown key `\(slip.key)`, did you mean `\(name)`?")
    }
    return node.error("missing key `\(name)`")
  }
}
