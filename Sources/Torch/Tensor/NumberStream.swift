/// Random integers for index decisions on the CPU, where a tensor a draw would cost microseconds: SplitMix64.
public final class NumberStream: RandomNumberGenerator {
  /// The whole state.
  public var state: UInt64

  public init(seed: UInt64) { state = seed }

  public func next() -> UInt64 {
    state &+= 0x9e37_79b9_7f4a_7c15
    var z = state
    z = (z ^ (z >> 30)) &* 0xbf58_476d_1ce4_e5b9
    z = (z ^ (z >> 27)) &* 0x94d0_49bb_1331_11eb
    return z ^ (z >> 31)
  }
}
