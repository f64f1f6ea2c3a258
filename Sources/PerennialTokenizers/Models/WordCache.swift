/// The tokens of words seen before. It forgets everything when it is full.
struct WordCache {
  private struct Entry {
    let key: Range<Int32>
    let tokens: Range<Int32>
  }

  static let longestWord = 256
  private static let capacity = 1 << 16

  private var keys: [UInt8] = []
  private var tokens: [Token] = []
  private var entries: [Entry] = []
  private var slots = [UInt64](repeating: 0, count: capacity * 2)

  /// Eight bytes at a time.
  @inline(__always)
  static func hash(_ word: ByteText) -> UInt64 {
    var hash = UInt64(truncatingIfNeeded: word.count) &* 0x9e37_79b9_7f4a_7c15
    var index = 0
    let raw = UnsafeRawPointer(word.baseAddress)
    while let raw, index + 8 <= word.count {
      hash = mix(hash ^ raw.loadUnaligned(fromByteOffset: index, as: UInt64.self))
      index += 8
    }
    var rest: UInt64 = 0
    while index < word.count {
      rest = rest << 8 | UInt64(word[index])
      index += 1
    }
    return mix(hash ^ rest)
  }

  @inline(__always)
  private static func mix(_ value: UInt64) -> UInt64 {
    let product = value.multipliedFullWidth(by: 0xa076_1d64_78bd_642f)
    return product.high ^ product.low
  }

  /// Appends the tokens of a word that is known; false when it is not.
  @inline(__always)
  func append(_ word: ByteText, hash: UInt64, to result: inout [Token]) -> Bool {
    let mask = slots.count - 1
    var slot = Int(truncatingIfNeeded: hash) & mask
    while slots[slot] != 0 {
      if slots[slot] >> 32 == hash >> 32 {
        let entry = entries[Int(slots[slot] & 0xffff_ffff) - 1]
        if entry.key.count == word.count, matches(word, at: Int(entry.key.lowerBound)) {
          for index in Int(entry.tokens.lowerBound)..<Int(entry.tokens.upperBound) {
            result.append(tokens[index])
          }
          return true
        }
      }
      slot = (slot + 1) & mask
    }
    return false
  }

  @inline(__always)
  private func matches(_ word: ByteText, at start: Int) -> Bool {
    for index in 0..<word.count where keys[start + index] != word[index] { return false }
    return true
  }

  mutating func insert(_ word: ByteText, hash: UInt64, _ found: ArraySlice<Token>) {
    if entries.count == Self.capacity { self = WordCache() }
    let key = Int32(keys.count)
    let first = Int32(tokens.count)
    keys.append(contentsOf: word)
    tokens.append(contentsOf: found)
    entries.append(Entry(key: key..<Int32(keys.count), tokens: first..<Int32(tokens.count)))
    let mask = slots.count - 1
    var slot = Int(truncatingIfNeeded: hash) & mask
    while slots[slot] != 0 { slot = (slot + 1) & mask }
    slots[slot] = (hash & ~0xffff_ffff) | UInt64(entries.count)
  }
}
