/// One value of a configuration file, with the place where it was written.
///
/// A node knows its dotted path and its line, so that whatever goes wrong later can still be told in terms of
/// the file. Types are not guessed here: `5` becomes a number or a text when somebody decodes it as one.
public struct ConfigurationNode: Sendable {
  /// What a node holds.
  public enum Content: Sendable {
    /// A single value; quotes in the file mark it as text.
    case scalar(String, isQuoted: Bool)
    /// Values in order.
    case list([ConfigurationNode])
    /// Keys with values, in the order of the file.
    case map([Entry])
  }

  /// One key of a map with its value.
  public struct Entry: Sendable {
    /// The key as written.
    public var key: String
    /// Where the key was written.
    public var origin: ConfigurationOrigin
    /// The value.
    public var value: ConfigurationNode

    /// Creates an entry.
    public init(key: String, origin: ConfigurationOrigin, value: ConfigurationNode) {
      (self.key, self.origin, self.value) = (key, origin, value)
    }
  }

  /// The value itself.
  public var content: Content
  /// Where the value was written.
  public var origin: ConfigurationOrigin
  /// The dotted path from the top of the document, such as `strategies.er.0.replay`; empty at the top.
  public var path: String

  /// Creates a node.
  public init(_ content: Content, origin: ConfigurationOrigin, path: String = "") {
    self.content = content
    self.origin = origin
    self.path = path
  }
}

extension ConfigurationNode {
  /// The absence of a value: `null`, `~` or nothing after the colon.
  public static func null(origin: ConfigurationOrigin, path: String = "") -> ConfigurationNode {
    ConfigurationNode(.scalar("null", isQuoted: false), origin: origin, path: path)
  }

  /// Whether the file gives no value here.
  public var isNull: Bool {
    guard case .scalar(let text, isQuoted: false) = content else { return false }
    return ["", "~", "null", "Null", "NULL"].contains(text)
  }

  /// The entries of a map, `nil` for anything else.
  public var entries: [Entry]? {
    guard case .map(let entries) = content else { return nil }
    return entries
  }

  /// The value at a key, in whichever spelling (`weight_decay`, `weight-decay`, `weightDecay`) it was
  /// written.
  public subscript(key: String) -> ConfigurationNode? { entry(key)?.value }

  func entry(_ key: String) -> Entry? {
    index(of: key).flatMap { index in entries?[index] }
  }

  func index(of key: String) -> Int? {
    guard let entries else { return nil }
    return entries.firstIndex { $0.key == key } ?? entries.firstIndex { $0.key.foldedKey == key.foldedKey }
  }

  func childPath(_ component: String) -> String {
    path.isEmpty ? component : "\(path).\(component)"
  }

  /// The value in words, for the "found" part of a message.
  var found: String {
    switch content {
    case .scalar where isNull: return "nothing"
    case .scalar(let text, let isQuoted):
      let shown = text.count > 60 ? text.prefix(60) + "…" : text[...]
      return isQuoted ? "the text `\"\(shown)\"`" : "`\(shown)`"
    case .list(let items): return items.isEmpty ? "an empty list" : "a list of \(items.count)"
    case .map(let entries):
      let keys = entries.prefix(4).map { "`\($0.key)`" }.joined(separator: ", ")
      return entries.isEmpty ? "an empty map" : "a map with \(keys)\(entries.count > 4 ? ", …" : "")"
    }
  }

  /// An error about this value.
  public func error(_ message: String) -> ConfigurationError {
    ConfigurationError(origin: origin, path: path, message: message)
  }

  /// An error about one key of this map: it names the line of the key where the key is written, and the line
  /// of the map where it is not.
  public func error(at key: String, _ message: String) -> ConfigurationError {
    let entry = entry(key)
    return ConfigurationError(
      origin: entry?.origin ?? origin, path: childPath(entry?.key ?? key.snakeCased), message: message)
  }
}
