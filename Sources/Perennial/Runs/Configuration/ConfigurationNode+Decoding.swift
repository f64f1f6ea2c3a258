extension ConfigurationNode {
  /// Decodes the node as a type.
  ///
  /// - Throws: ``ConfigurationError`` that names the line and the key, what was found and what is allowed.
  public func decode<Value: Decodable>(_ type: Value.Type = Value.self) throws -> Value {
    try decode(type, defaults: nil)
  }

  func decode<Value: Decodable>(_ type: Value.Type, defaults: ConfigurationNode?) throws -> Value {
    let value: Value
    if let scalar = type as? any ConfigurationScalar.Type, let read = try scalar.read(self) as? Value {
      value = read
    } else if let configurable = type as? any Configurable.Type,
      let built = try build(configurable, defaults) as? Value
    {
      value = built
    } else if let enumeration = type as? any (RawRepresentable & CaseIterable & Decodable).Type,
      let chosen = try choose(enumeration) as? Value
    {
      value = chosen
    } else {
      value = try decodeStrictly(type, NodeDecoder(self))
    }
    try (value as? any Validated)?.validate(at: self)
    return value
  }

  /// A configurable type takes its initial values for every key that the file leaves out, and everything from
  /// them when the file gives nothing at all.
  private func build<Value: Configurable>(_ type: Value.Type, _ defaults: ConfigurationNode?) throws -> Value
  {
    var node = self
    if isNull { node.content = .map([]) }
    guard node.entries != nil else { throw error("must be a map of options, found \(found)") }
    let decoder = NodeDecoder(node, defaults: try defaults ?? NodeEncoder.encode(Value(), path: path))
    return try decodeStrictly(type, decoder)
  }

  private func decodeStrictly<Value: Decodable>(_ type: Value.Type, _ decoder: NodeDecoder) throws -> Value {
    do {
      let value = try Value(from: decoder)
      if type is any Configurable.Type || !decoder.questions.keys.isEmpty { try decoder.rejectUnknownKeys() }
      return value
    } catch let error as DecodingError {
      throw ConfigurationError(error, at: self)
    }
  }

  /// The case of an enumeration, spelled `class-balanced`, `class_balanced` or `classBalanced`; `nil` where
  /// the raw values are not text.
  private func choose<Value: RawRepresentable & CaseIterable>(_ type: Value.Type) throws -> Value? {
    let choices = Value.allCases.compactMap { value in
      (value.rawValue as? String).map { (name: $0, value: value) }
    }
    guard !choices.isEmpty else { return nil }
    guard case .scalar(let text, _) = content, !isNull else {
      throw error("must be one of \(choices.map(\.name.kebabCased).quotedList), found \(found)")
    }
    guard let choice = choices.first(where: { $0.name.foldedKey == text.foldedKey }) else {
      throw notAmong(choices.map(\.name.kebabCased), text)
    }
    return choice.value
  }

  /// The error for a name that is not among the allowed ones, with the one that was probably meant.
  public func notAmong(_ allowed: [String], _ name: String, kind: String? = nil) -> ConfigurationError {
    let subject = kind.map { "unknown \($0) `\(name)`" } ?? "unknown value `\(name)`"
    let hint = name.closest(in: allowed).map { ", did you mean `\($0)`?" } ?? "."
    return error("\(subject)\(hint) Allowed: \(allowed.quotedList)")
  }
}

extension ConfigurationError {
  init(_ error: DecodingError, at node: ConfigurationNode) {
    switch error {
    case .dataCorrupted(let context), .typeMismatch(_, let context), .valueNotFound(_, let context):
      self = node.error("\(context.debugDescription); found \(node.found)")
    case .keyNotFound(let key, _):
      self = node.error("missing key `\(key.stringValue.snakeCased)`")
    @unknown default:
      self = node.error("\(error)")
    }
  }
}

extension ConfigurationNode: Codable {
  /// Takes the node as it stands, for values whose type is known only later.
  public init(from decoder: any Decoder) throws {
    guard let decoder = decoder as? NodeDecoder else {
      throw DecodingError.dataCorrupted(
        .init(codingPath: decoder.codingPath, debugDescription: "only configuration files hold nodes"))
    }
    self = decoder.node
  }

  /// Writes the node as it stands.
  public func encode(to encoder: any Encoder) throws {
    guard let encoder = encoder as? NodeEncoder else {
      throw EncodingError.invalidValue(
        self, .init(codingPath: encoder.codingPath, debugDescription: "only configuration files hold nodes"))
    }
    encoder.value.content = .node(content)
  }
}
