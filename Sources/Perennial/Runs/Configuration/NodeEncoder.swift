/// Turns an `Encodable` value into a ``ConfigurationNode``: it is how a type's initial values become the
/// defaults of a configuration file.
public struct NodeEncoder: Encoder {
  /// A node that is still being filled in, perhaps from several containers.
  final class Value {
    enum Content {
      case node(ConfigurationNode.Content)
      case list([Value])
      case map([(key: String, value: Value)])
    }

    var content = Content.map([])
  }

  let value = Value()

  /// Empty: nodes carry their own path.
  public var codingPath: [any CodingKey] { [] }
  /// Empty.
  public var userInfo: [CodingUserInfoKey: Any] { [:] }

  /// The value as a node whose origin is ``ConfigurationOrigin/builtIn``.
  public static func encode(_ value: some Encodable, path: String = "") throws -> ConfigurationNode {
    let encoder = NodeEncoder()
    try encoder.encode(value)
    return encoder.value.node(path: path)
  }

  fileprivate func encode(_ newValue: some Encodable) throws {
    if let scalar = newValue as? any ConfigurationScalar {
      value.content = .node(scalar.content)
    } else if newValue is any CaseIterable,
      let name = (newValue as? any RawRepresentable)?.rawValue as? String
    {
      value.content = .node(.scalar(name.kebabCased, isQuoted: false))
    } else {
      try newValue.encode(to: self)
    }
  }

  /// A map to be filled.
  public func container<Key: CodingKey>(keyedBy type: Key.Type) -> KeyedEncodingContainer<Key> {
    KeyedEncodingContainer(MapEncoding<Key>(encoder: self))
  }

  /// A list to be filled.
  public func unkeyedContainer() -> any UnkeyedEncodingContainer {
    value.content = .list([])
    return ListEncoding(encoder: self)
  }

  /// A single value to be set.
  public func singleValueContainer() -> any SingleValueEncodingContainer { SingleEncoding(encoder: self) }
}

extension NodeEncoder.Value {
  func node(path: String) -> ConfigurationNode {
    var node = ConfigurationNode(.list([]), origin: .builtIn, path: path)
    switch content {
    case .node(let content): node.content = content
    case .list(let items):
      node.content = .list(items.enumerated().map { $1.node(path: node.childPath("\($0)")) })
    case .map(let entries):
      node.content = .map(
        entries.map {
          .init(key: $0.key, origin: .builtIn, value: $0.value.node(path: node.childPath($0.key)))
        })
    }
    return node
  }

  static let null = ConfigurationNode.Content.scalar("null", isQuoted: false)
}

private struct MapEncoding<Key: CodingKey>: KeyedEncodingContainerProtocol {
  let encoder: NodeEncoder
  var codingPath: [any CodingKey] { [] }

  private func child(_ key: Key) -> NodeEncoder {
    let child = NodeEncoder()
    if case .map(let entries) = encoder.value.content {
      encoder.value.content = .map(entries + [(key.stringValue.snakeCased, child.value)])
    }
    return child
  }

  func encodeNil(forKey key: Key) { child(key).value.content = .node(NodeEncoder.Value.null) }
  func encode<Value: Encodable>(_ value: Value, forKey key: Key) throws { try child(key).encode(value) }

  func nestedContainer<Nested: CodingKey>(keyedBy type: Nested.Type, forKey key: Key)
    -> KeyedEncodingContainer<Nested>
  {
    child(key).container(keyedBy: type)
  }

  func nestedUnkeyedContainer(forKey key: Key) -> any UnkeyedEncodingContainer {
    child(key).unkeyedContainer()
  }
  func superEncoder() -> any Encoder { encoder }
  func superEncoder(forKey key: Key) -> any Encoder { child(key) }
}

private struct ListEncoding: UnkeyedEncodingContainer {
  let encoder: NodeEncoder
  var codingPath: [any CodingKey] { [] }

  var count: Int {
    guard case .list(let items) = encoder.value.content else { return 0 }
    return items.count
  }

  private func child() -> NodeEncoder {
    let child = NodeEncoder()
    if case .list(let items) = encoder.value.content { encoder.value.content = .list(items + [child.value]) }
    return child
  }

  func encodeNil() { child().value.content = .node(NodeEncoder.Value.null) }
  func encode<Value: Encodable>(_ value: Value) throws { try child().encode(value) }

  func nestedContainer<Nested: CodingKey>(keyedBy type: Nested.Type) -> KeyedEncodingContainer<Nested> {
    child().container(keyedBy: type)
  }

  func nestedUnkeyedContainer() -> any UnkeyedEncodingContainer { child().unkeyedContainer() }
  func superEncoder() -> any Encoder { child() }
}

private struct SingleEncoding: SingleValueEncodingContainer {
  let encoder: NodeEncoder
  var codingPath: [any CodingKey] { [] }

  func encodeNil() { encoder.value.content = .node(NodeEncoder.Value.null) }
  func encode<Value: Encodable>(_ value: Value) throws { try encoder.encode(value) }
}
