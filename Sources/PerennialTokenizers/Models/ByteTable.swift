/// A flat hash table from byte strings to numbers. Swift's `String` compares by canonical equivalence, under which
/// tokens that differ in their bytes would collide.
struct ByteTable: Sendable {
  private struct Entry {
    let start: Int32
    let count: Int32
    let value: Int32
  }

  private var keys: [UInt8] = []
  private var entries: [Entry] = []
  /// The upper half of the hash, and the index of the entry plus one.
  private var slots = [UInt64](repeating: 0, count: 16)

  var count: Int { entries.count }

  init(capacity: Int = 0) {
    var size = 16
    while size < capacity * 2 { size *= 2 }
    slots = [UInt64](repeating: 0, count: size)
  }

  static let seed: UInt64 = 0xcbf2_9ce4_8422_2325

  /// The hash of a string grows byte by byte, so one pass yields the hashes of all its beginnings.
  @inline(__always)
  static func extend(_ hash: UInt64, _ byte: UInt8) -> UInt64 { (hash ^ UInt64(byte)) &* 0x100_0000_01b3 }

  @inline(__always)
  private static func finish(_ hash: UInt64) -> UInt64 { (hash ^ (hash >> 29)) &* 0x9e37_79b9_7f4a_7c15 }

  @inline(__always)
  subscript(key: ByteText) -> Int32? {
    var hash = Self.seed
    for byte in key { hash = Self.extend(hash, byte) }
    return find(key, hash: hash)
  }

  subscript(key: String) -> Int32? {
    var key = key
    return key.withUTF8 { self[$0] }
  }

  /// - Parameter hash: of exactly these bytes.
  @inline(__always)
  func find(_ key: ByteText, hash: UInt64) -> Int32? {
    let mixed = Self.finish(hash)
    let mask = slots.count - 1
    var slot = Int(truncatingIfNeeded: mixed) & mask
    while slots[slot] != 0 {
      if slots[slot] >> 32 == mixed >> 32 {
        let entry = entries[Int(slots[slot] & 0xffff_ffff) - 1]
        if Int(entry.count) == key.count, matches(key, at: Int(entry.start)) { return entry.value }
      }
      slot = (slot + 1) & mask
    }
    return nil
  }

  @inline(__always)
  private func matches(_ key: ByteText, at start: Int) -> Bool {
    for index in 0..<key.count where keys[start + index] != key[index] { return false }
    return true
  }

  /// Adds a key, or returns the value that it has.
  @discardableResult
  mutating func insert(_ key: ByteText, _ value: Int32) -> Int32? {
    if let found = self[key] { return found }
    var hash = Self.seed
    for byte in key { hash = Self.extend(hash, byte) }
    entries.append(Entry(start: Int32(keys.count), count: Int32(key.count), value: value))
    keys.append(contentsOf: key)
    if entries.count * 2 > slots.count {
      grow()
    } else {
      place(Self.finish(hash), index: entries.count)
    }
    return nil
  }

  private mutating func place(_ mixed: UInt64, index: Int) {
    let mask = slots.count - 1
    var slot = Int(truncatingIfNeeded: mixed) & mask
    while slots[slot] != 0 { slot = (slot + 1) & mask }
    slots[slot] = (mixed & ~0xffff_ffff) | UInt64(index)
  }

  private mutating func grow() {
    slots = [UInt64](repeating: 0, count: slots.count * 2)
    for (index, entry) in entries.enumerated() {
      var hash = Self.seed
      for offset in 0..<Int(entry.count) { hash = Self.extend(hash, keys[Int(entry.start) + offset]) }
      place(Self.finish(hash), index: index + 1)
    }
  }
}
