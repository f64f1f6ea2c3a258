import Foundation

/// SentencePiece's compiled normalization rules: a double-array trie of what is replaced, and the replacements.
struct PrecompiledCharacterMap: Sendable {
  private let units: [UInt32]
  /// Replacements, each ended by a zero.
  private let replacements: [UInt8]

  /// Only clusters shorter than this are looked up as a whole.
  private static let longestCluster = 6

  init(_ node: JSONNode) throws {
    guard let data = Data(base64Encoded: try node.string()) else { throw node.invalid(allowed: "base64") }
    let bytes = [UInt8](data)
    guard bytes.count >= 4 else { throw node.invalid(allowed: "a length and a trie of that length") }
    func word(_ index: Int) -> UInt32 {
      (0..<4).reduce(0) { $0 | UInt32(bytes[index + $1]) << UInt32(8 * $1) }
    }
    let size = Int(word(0))
    guard size % 4 == 0, size <= bytes.count - 4 else {
      throw node.invalid(allowed: "a length and a trie of that length")
    }
    units = stride(from: 4, to: 4 + size, by: 4).map(word)
    replacements = Array(bytes[(4 + size)...])
    guard String(bytes: replacements, encoding: .utf8) != nil else {
      throw node.invalid(allowed: "replacements in UTF-8")
    }
  }

  func apply(to text: inout AlignedText) {
    var result = AlignedText(isTracked: text.isTracked)
    text.bytes.withUnsafeBufferPointer { bytes in
      // What is removed at the beginning belongs to the first that is kept, which still begins the text.
      func origin(of range: Range<Int>) -> Range<Int32> {
        text.origin(of: result.isEmpty ? 0..<range.upperBound : range)
      }
      var start = 0
      for cluster in String(decoding: bytes, as: UTF8.self) {
        let end = start + cluster.utf8.count
        defer { start = end }
        if end - start < Self.longestCluster, let found = replacement(for: bytes[slice: start..<end]) {
          result.append(replacements[found], origin: origin(of: start..<end))
          continue
        }
        var index = start
        while index < end {
          let next = index + bytes.scalarLength(at: index)
          if let found = replacement(for: bytes[slice: index..<next]) {
            result.append(replacements[found], origin: origin(of: index..<next))
          } else {
            result.append(bytes[index..<next], origin: origin(of: index..<next))
          }
          index = next
        }
      }
    }
    text = result
  }

  /// The replacement of the shortest key that the text begins with, which the reference takes for all of the text.
  private func replacement(for text: ByteText) -> Range<Int>? {
    guard let root = units.first else { return nil }
    var node = Self.offset(root)
    for byte in text {
      if byte == 0 { return nil }
      node ^= Int(byte)
      guard units.indices.contains(node), units[node] & 0x8000_00ff == UInt32(byte) else { return nil }
      let unit = units[node]
      node ^= Self.offset(unit)
      guard unit >> 8 & 1 == 1 else { continue }
      guard units.indices.contains(node) else { return nil }
      let start = Int(units[node] & 0x7fff_ffff)
      guard start < replacements.count, replacements[start] & 0xc0 != 0x80 else { return nil }
      let end = replacements[start...].firstIndex(of: 0) ?? replacements.count
      return start..<end
    }
    return nil
  }

  private static func offset(_ unit: UInt32) -> Int {
    Int(unit >> 10) << Int((unit & (1 << 9)) >> 6)
  }
}
