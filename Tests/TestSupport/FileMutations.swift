import Foundation

/// Damaged copies of a file, the same ones every time.
public struct FileMutations: Sequence, IteratorProtocol {
  private let original: [UInt8]
  private var remaining: Int
  private var state: UInt64

  /// - Parameter seed: another one damages other places.
  public init(of original: [UInt8], count: Int, seed: UInt64 = 1) {
    self.original = original
    remaining = count
    state = seed
  }

  /// The next damaged copy.
  public mutating func next() -> [UInt8]? {
    guard remaining > 0, !original.isEmpty else { return nil }
    remaining -= 1
    var bytes = original
    switch random(4) {
    case 0: bytes.removeLast(1 + random(bytes.count))
    case 1: bytes[random(bytes.count)] ^= 1 << UInt8(random(8))
    case 2:
      // Sizes and offsets become huge.
      let start = random(bytes.count)
      for index in start..<Swift.min(start + 1 + random(8), bytes.count) { bytes[index] = 0xff }
    default:
      let start = random(bytes.count)
      bytes.replaceSubrange(
        start..<Swift.min(start + random(16), bytes.count), with: (0..<random(16)).map { UInt8($0) })
    }
    return bytes
  }

  /// SplitMix64, below `bound`.
  private mutating func random(_ bound: Int) -> Int {
    state &+= 0x9e37_79b9_7f4a_7c15
    var value = state
    value = (value ^ (value >> 30)) &* 0xbf58_476d_1ce4_e5b9
    value = (value ^ (value >> 27)) &* 0x94d0_49bb_1331_11eb
    return Int((value ^ (value >> 31)) % UInt64(bound))
  }
}
