/// A choice of one thing with its options: `adam`, or `{adam: {lr: 0.001}}`.
///
/// The options stay undecoded until a registry knows their type:
///
/// ```swift
/// let options = try selection.decode(EWC.Options.self)
/// ```
public struct Selection: Sendable, Codable {
  /// The name as written.
  public let name: String
  /// The options; null when only a name is written.
  public let options: ConfigurationNode
  /// The whole choice as it stands in the file.
  public let node: ConfigurationNode

  /// A choice without options, for a default.
  public init(_ name: String) {
    self.name = name
    node = ConfigurationNode(.scalar(name, isQuoted: false), origin: .builtIn)
    options = .null(origin: .builtIn, path: name)
  }

  /// Reads a name, or a map with the name as its only key.
  ///
  /// - Throws: ``ConfigurationError`` for anything else.
  public init(_ node: ConfigurationNode) throws {
    self.node = node
    switch node.content {
    case .scalar(let text, _) where !node.isNull:
      name = text
      options = .null(origin: node.origin, path: node.childPath(text))
    case .map(let entries) where entries.count == 1:
      name = entries[0].key
      options = entries[0].value
    default:
      throw node.error(
        "must be a name or a map with one key, such as `{name: {option: value}}`, found \(node.found)")
    }
  }

  /// Reads a name, or a map with the name as its only key.
  public init(from decoder: any Decoder) throws {
    try self.init(ConfigurationNode(from: decoder))
  }

  /// Writes the choice as it stands.
  public func encode(to encoder: any Encoder) throws { try node.encode(to: encoder) }

  /// The options as a type.
  ///
  /// - Throws: ``ConfigurationError`` with the line of the option that is wrong.
  public func decode<Options: Decodable>(_ type: Options.Type = Options.self) throws -> Options {
    try options.decode(type)
  }

  /// Whether this is the choice of that name, in whichever spelling.
  public func isNamed(_ name: String) -> Bool { self.name.foldedKey == name.foldedKey }

  /// What the choice stands for.
  ///
  /// - Parameters:
  ///   - choices: What can be chosen, by name.
  ///   - kind: What the choices are, for the message: `strategy`, `optimizer`.
  /// - Throws: ``ConfigurationError`` that lists the names when none matches.
  public func pick<Choice>(from choices: KeyValuePairs<String, Choice>, kind: String) throws -> Choice {
    if let choice = choices.first(where: { isNamed($0.key) }) { return choice.value }
    throw node.notAmong(choices.map(\.key), name, kind: kind)
  }

  /// What the choice stands for; the names are listed in alphabetical order when none matches.
  public func pick<Choice>(from choices: [String: Choice], kind: String) throws -> Choice {
    if let choice = choices.first(where: { isNamed($0.key) }) { return choice.value }
    throw node.notAmong(choices.keys.sorted(), name, kind: kind)
  }
}
