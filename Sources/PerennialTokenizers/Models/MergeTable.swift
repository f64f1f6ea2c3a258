/// The merges of byte-pair encoding: for a pair of ids its rank and the id of both together.
struct MergeTable: Sendable {
  struct Merge {
    var pair: UInt64
    var rank: Int32
    var id: Int32
  }

  private var slots: [Merge]
  private static let empty = Merge(pair: .max, rank: .max, id: -1)

  init(capacity: Int) {
    var size = 16
    while size < capacity * 2 { size *= 2 }
    slots = [Merge](repeating: Self.empty, count: size)
  }

  @inline(__always)
  private static func pair(_ left: Int32, _ right: Int32) -> UInt64 {
    UInt64(UInt32(bitPattern: left)) << 32 | UInt64(UInt32(bitPattern: right))
  }

  @inline(__always)
  private func slot(_ pair: UInt64) -> Int {
    let product = pair.multipliedFullWidth(by: 0x9e37_79b9_7f4a_7c15)
    return Int(truncatingIfNeeded: product.high ^ product.low) & (slots.count - 1)
  }

  /// The merge of two ids; its rank is `Int32.max` when there is none.
  @inline(__always)
  subscript(left: Int32, right: Int32) -> Merge {
    let pair = Self.pair(left, right)
    var slot = slot(pair)
    while true {
      let found = slots[slot]
      if found.pair == pair || found.pair == .max { return found }
      slot = (slot + 1) & (slots.count - 1)
    }
  }

  /// A later merge of the same pair replaces the earlier one. The table must have room, see `init`.
  mutating func insert(_ left: Int32, _ right: Int32, rank: Int, id: Int32) {
    let pair = Self.pair(left, right)
    var slot = slot(pair)
    while slots[slot].pair != .max, slots[slot].pair != pair { slot = (slot + 1) & (slots.count - 1) }
    slots[slot] = Merge(pair: pair, rank: Int32(rank), id: id)
  }
}
