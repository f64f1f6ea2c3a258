/// A trie over bytes. Children of a node are a linked list, but for the root, which has a table.
struct ByteTrie: Sendable {
  private struct Node {
    let byte: UInt8
    var value: Int32 = -1
    var child: Int32 = -1
    var sibling: Int32 = -1
  }

  private var roots = [Int32](repeating: -1, count: 256)
  private var nodes: [Node] = []

  var isEmpty: Bool { nodes.isEmpty }

  /// Adds a key that is not empty; a later value replaces an earlier one.
  mutating func insert(_ key: [UInt8], _ value: Int32) {
    guard let first = key.first else { return }
    if roots[Int(first)] < 0 {
      roots[Int(first)] = Int32(nodes.count)
      nodes.append(Node(byte: first))
    }
    var node = Int(roots[Int(first)])
    for byte in key.dropFirst() {
      if let found = child(of: node, byte) {
        node = found
      } else {
        nodes.append(Node(byte: byte, sibling: nodes[node].child))
        nodes[node].child = Int32(nodes.count - 1)
        node = nodes.count - 1
      }
    }
    nodes[node].value = value
  }

  @inline(__always)
  private func child(of node: Int, _ byte: UInt8) -> Int? {
    var child = nodes[node].child
    while child >= 0 {
      if nodes[Int(child)].byte == byte { return Int(child) }
      child = nodes[Int(child)].sibling
    }
    return nil
  }

  /// Reports the keys that the text has at `start`, the shortest first, by their ends.
  @inline(__always)
  func forEachPrefix(of text: ByteText, from start: Int, _ body: (Int, Int32) -> Void) {
    var node = Int(roots[Int(text[start])])
    var index = start + 1
    while node >= 0 {
      if nodes[node].value >= 0 { body(index, nodes[node].value) }
      guard index < text.count, let next = child(of: node, text[index]) else { return }
      node = next
      index += 1
    }
  }

  /// The longest key that the text has at `start`.
  func longestPrefix(of text: ByteText, from start: Int) -> (end: Int, value: Int32)? {
    var found: (Int, Int32)?
    forEachPrefix(of: text, from: start) { end, value in found = (end, value) }
    return found
  }
}
