/// A map as Swift's decoding sees it: keys that the file leaves out come from the defaults.
struct KeyedNode<Key: CodingKey>: KeyedDecodingContainerProtocol {
  let decoder: NodeDecoder
  var codingPath: [any CodingKey] { [] }

  init(_ decoder: NodeDecoder) throws {
    guard decoder.node.entries != nil else {
      throw decoder.node.error("must be a map, found \(decoder.node.found)")
    }
    self.decoder = decoder
  }

  /// In the order of the file.
  var allKeys: [Key] {
    (decoder.node.entries ?? []).compactMap { Key(stringValue: $0.key) }
  }

  private func written(_ key: Key) -> ConfigurationNode? {
    decoder.questions.ask(key.stringValue)
    return decoder.node[key.stringValue]
  }

  private func standIn(_ key: Key) -> ConfigurationNode? { decoder.defaults?[key.stringValue] }

  private func value(_ key: Key) throws -> ConfigurationNode {
    guard let node = written(key) ?? standIn(key) else { throw decoder.missing(key.stringValue) }
    return node
  }

  func contains(_ key: Key) -> Bool { written(key) != nil || standIn(key) != nil }

  func decodeNil(forKey key: Key) throws -> Bool { try value(key).isNull }

  func decode<Value: Decodable>(_ type: Value.Type, forKey key: Key) throws -> Value {
    // Only a configurable value is completed key by key from the defaults of the type around it.
    let isCompleted = type is any Configurable.Type && written(key)?.entries != nil
    return try value(key).decode(type, defaults: isCompleted ? standIn(key) : nil)
  }

  private func nested(_ key: Key) throws -> NodeDecoder {
    let nested = NodeDecoder(try value(key))
    decoder.questions.nested.append(nested)
    return nested
  }

  func nestedContainer<Nested: CodingKey>(keyedBy type: Nested.Type, forKey key: Key) throws
    -> KeyedDecodingContainer<Nested>
  {
    try nested(key).container(keyedBy: type)
  }

  func nestedUnkeyedContainer(forKey key: Key) throws -> any UnkeyedDecodingContainer {
    try nested(key).unkeyedContainer()
  }

  func superDecoder() throws -> any Decoder { decoder }
  func superDecoder(forKey key: Key) throws -> any Decoder { try nested(key) }
}

/// A list as Swift's decoding sees it.
struct ListedNodes: UnkeyedDecodingContainer {
  let node: ConfigurationNode
  let items: [ConfigurationNode]
  var codingPath: [any CodingKey] { [] }
  private(set) var currentIndex = 0

  init(node: ConfigurationNode, items: [ConfigurationNode]) {
    self.node = node
    self.items = items
  }

  var count: Int? { items.count }
  var isAtEnd: Bool { currentIndex >= items.count }

  private mutating func next() throws -> ConfigurationNode {
    guard !isAtEnd else { throw node.error("must have more than \(items.count) items") }
    defer { currentIndex += 1 }
    return items[currentIndex]
  }

  mutating func decodeNil() throws -> Bool {
    guard !isAtEnd, items[currentIndex].isNull else { return false }
    currentIndex += 1
    return true
  }

  mutating func decode<Value: Decodable>(_ type: Value.Type) throws -> Value { try next().decode(type) }

  mutating func nestedContainer<Nested: CodingKey>(keyedBy type: Nested.Type) throws
    -> KeyedDecodingContainer<Nested>
  {
    try NodeDecoder(next()).container(keyedBy: type)
  }

  mutating func nestedUnkeyedContainer() throws -> any UnkeyedDecodingContainer {
    try NodeDecoder(next()).unkeyedContainer()
  }

  mutating func superDecoder() throws -> any Decoder { NodeDecoder(try next()) }
}

/// A single value as Swift's decoding sees it.
struct SingleNode: SingleValueDecodingContainer {
  let node: ConfigurationNode
  var codingPath: [any CodingKey] { [] }

  func decodeNil() -> Bool { node.isNull }
  func decode<Value: Decodable>(_ type: Value.Type) throws -> Value { try node.decode(type) }
}
