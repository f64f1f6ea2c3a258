/// Collects what one value encodes, in order.
final class OrderedEncoder: Encoder {
  /// What was encoded, by kind of container.
  final class Node {
    enum Kind { case undecided, plain, array, object }
    var kind = Kind.undecided
    var plain = JSONTree.plain("null")
    var members: [(key: String, node: Node)] = []

    init(_ tree: JSONTree? = nil) {
      if let tree {
        kind = .plain
        plain = tree
      }
    }

    var tree: JSONTree {
      switch kind {
      case .plain: plain
      case .array: .array(members.map(\.node.tree))
      case .object, .undecided: .object(members.map { ($0.key, $0.node.tree) })
      }
    }

    func add(_ node: Node, key: String = "") { members.append((key, node)) }
  }

  let node: Node
  let codingPath: [any CodingKey]
  var userInfo: [CodingUserInfoKey: Any] { [:] }

  init(path: [any CodingKey], node: Node = Node()) {
    codingPath = path
    self.node = node
  }

  func container<Key: CodingKey>(keyedBy type: Key.Type) -> KeyedEncodingContainer<Key> {
    node.kind = .object
    return KeyedEncodingContainer(Keyed<Key>(node: node, codingPath: codingPath))
  }

  func unkeyedContainer() -> any UnkeyedEncodingContainer {
    node.kind = .array
    return Unkeyed(node: node, codingPath: codingPath)
  }

  func singleValueContainer() -> any SingleValueEncodingContainer {
    Single(node: node, codingPath: codingPath)
  }
}

private struct Keyed<Key: CodingKey>: KeyedEncodingContainerProtocol {
  let node: OrderedEncoder.Node
  let codingPath: [any CodingKey]

  func encodeNil(forKey key: Key) { node.add(.init(.plain("null")), key: key.stringValue) }

  func encode<T: Encodable>(_ value: T, forKey key: Key) throws {
    node.add(.init(try JSONTree.encode(value, at: codingPath + [key])), key: key.stringValue)
  }

  func nestedContainer<Nested: CodingKey>(
    keyedBy type: Nested.Type, forKey key: Key
  ) -> KeyedEncodingContainer<Nested> {
    child(key).container(keyedBy: type)
  }

  func nestedUnkeyedContainer(forKey key: Key) -> any UnkeyedEncodingContainer {
    child(key).unkeyedContainer()
  }

  func superEncoder() -> any Encoder { child(AnyKey("super")) }
  func superEncoder(forKey key: Key) -> any Encoder { child(key) }

  private func child(_ key: some CodingKey) -> OrderedEncoder {
    let encoder = OrderedEncoder(path: codingPath + [key])
    node.add(encoder.node, key: key.stringValue)
    return encoder
  }
}

private struct Unkeyed: UnkeyedEncodingContainer {
  let node: OrderedEncoder.Node
  let codingPath: [any CodingKey]
  var count: Int { node.members.count }

  func encodeNil() { node.add(.init(.plain("null"))) }

  func encode<T: Encodable>(_ value: T) throws {
    node.add(.init(try JSONTree.encode(value, at: codingPath + [IndexKey(count)])))
  }

  func nestedContainer<Nested: CodingKey>(keyedBy type: Nested.Type) -> KeyedEncodingContainer<Nested> {
    child().container(keyedBy: type)
  }

  func nestedUnkeyedContainer() -> any UnkeyedEncodingContainer { child().unkeyedContainer() }
  func superEncoder() -> any Encoder { child() }

  private func child() -> OrderedEncoder {
    let encoder = OrderedEncoder(path: codingPath + [IndexKey(count)])
    node.add(encoder.node)
    return encoder
  }
}

private struct Single: SingleValueEncodingContainer {
  let node: OrderedEncoder.Node
  let codingPath: [any CodingKey]

  func encodeNil() { node.kind = .plain }

  func encode<T: Encodable>(_ value: T) throws {
    node.kind = .plain
    node.plain = try JSONTree.encode(value, at: codingPath)
  }
}

private struct IndexKey: CodingKey {
  let index: Int
  init(_ index: Int) { self.index = index }
  init?(intValue: Int) { index = intValue }
  init?(stringValue: String) { nil }
  var intValue: Int? { index }
  var stringValue: String { "[\(index)]" }
}
