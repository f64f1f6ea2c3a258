import Yams

extension ConfigurationNode {
  /// A file with more values than this is not a recipe; nested aliases can otherwise grow without bound.
  static let largestDocument = 100_000

  /// Reads one YAML document.
  ///
  /// - Parameters:
  ///   - yaml: The text.
  ///   - source: The name that errors give the text, usually the path of its file.
  ///   - path: The dotted path of the document inside a larger one.
  /// - Throws: ``ConfigurationError`` for text that is not YAML, for duplicate keys and for keys that are
  ///   not text.
  public init(yaml: String, source: String, path: String = "") throws {
    // The parser notices what is missing at the end one line behind it.
    let lines = max(
      1, yaml.split(separator: "\n", omittingEmptySubsequences: false).count - (yaml.hasSuffix("\n") ? 1 : 0))
    let place = { (mark: Mark?) in ConfigurationOrigin.line(min(mark?.line ?? 1, lines), of: source) }
    try self.init(yaml: yaml, path: path, place: place)
  }

  /// Reads a YAML value that was given as an option; every part of it has that option as its origin.
  init(option: String, yaml: String, path: String) throws {
    try self.init(yaml: yaml, path: path) { _ in .option(option) }
  }

  private init(yaml: String, path: String, place: (Mark?) -> ConfigurationOrigin) throws {
    let root: Node?
    do {
      root = try Yams.compose(yaml: yaml)
    } catch let error as YamlError {
      throw ConfigurationError(error, path: path, place: place)
    }
    guard let root else {
      self = .null(origin: place(nil), path: path)
      return
    }
    var remaining = Self.largestDocument
    self = try Self.converted(root, origin: place(root.mark), path: path, remaining: &remaining, place: place)
  }

  private static func converted(
    _ node: Node, origin: ConfigurationOrigin, path: String, remaining: inout Int,
    place: (Mark?) -> ConfigurationOrigin
  ) throws -> ConfigurationNode {
    remaining -= 1
    var result = ConfigurationNode(.list([]), origin: origin, path: path)
    guard remaining > 0 else {
      throw result.error("the document has more than \(largestDocument) values")
    }
    switch node {
    case .scalar(let scalar):
      let isQuoted = [.singleQuoted, .doubleQuoted, .literal, .folded].contains(scalar.style)
      result.content = .scalar(scalar.string, isQuoted: isQuoted)
      if result.isNull { result = .null(origin: origin, path: path) }
    case .sequence(let sequence):
      result.content = .list(
        try sequence.enumerated().map { index, item in
          try converted(
            item, origin: place(item.mark), path: result.childPath("\(index)"), remaining: &remaining,
            place: place)
        })
    case .mapping(let mapping):
      result.content = .map(
        try mapping.map { key, value in
          guard case .scalar(let scalar) = key else {
            throw ConfigurationError(origin: place(key.mark), path: path, message: "a key must be text")
          }
          // A list or a map is announced by its key: its errors belong to the line of the key.
          let mark = value.scalar == nil ? key.mark : value.mark
          return Entry(
            key: scalar.string, origin: place(key.mark),
            value: try converted(
              value, origin: place(mark), path: result.childPath(scalar.string), remaining: &remaining,
              place: place))
        })
    case .alias:
      throw result.error("the alias refers to nothing above it")
    }
    return result
  }
}

extension ConfigurationError {
  init(_ error: YamlError, path: String, place: (Mark?) -> ConfigurationOrigin) {
    switch error {
    case .duplicatedKeysInMapping(let keys, let context):
      let names = keys.map { "`\($0)`" }.joined(separator: ", ")
      let message = "duplicate \(keys.count == 1 ? "key" : "keys") \(names)"
      self.init(origin: place(context.mark), path: path, message: message)
    case .scanner(_, let problem, let mark, _), .parser(_, let problem, let mark, _),
      .composer(_, let problem, let mark, _):
      self.init(origin: place(mark), path: path, message: "not YAML: \(problem)")
    case .reader(let problem, _, _, _):
      self.init(origin: place(nil), path: path, message: "not YAML: \(problem)")
    default:
      self.init(origin: place(nil), path: path, message: "not YAML: \(error)")
    }
  }
}

extension ConfigurationNode {
  /// The node as YAML text. The same values give the same text, whatever the layout of the file they came
  /// from.
  public func yaml() throws -> String {
    try Yams.serialize(node: yamsNode(depth: 0), width: -1, allowUnicode: true)
  }

  /// Short lists and maps stand on one line, longer ones get a line for each item.
  private func yamsNode(depth: Int) -> Node {
    switch content {
    case .scalar(let text, let isQuoted):
      return Node(text, .implicit, isQuoted ? .doubleQuoted : .any)
    case .list(let items):
      let isFlow = items.isEmpty || flowLength <= 90
      return Node(items.map { $0.yamsNode(depth: depth + 1) }, .implicit, isFlow ? .flow : .block)
    case .map(let entries):
      let isFlow = entries.isEmpty || (depth > 0 && flowLength <= 90)
      let pairs = entries.map { (Node($0.key), $0.value.yamsNode(depth: depth + 1)) }
      return Node(pairs, .implicit, isFlow ? .flow : .block)
    }
  }

  private var flowLength: Int {
    switch content {
    case .scalar(let text, _): text.count
    case .list(let items): items.reduce(2) { $0 + $1.flowLength + 2 }
    case .map(let entries): entries.reduce(2) { $0 + $1.key.count + $1.value.flowLength + 4 }
    }
  }
}
