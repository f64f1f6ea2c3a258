/// Independent random streams, one a purpose, all derived from one seed.
///
/// Drawing for one purpose never moves another: turning a strategy on does not change the data order. The
/// seed of a purpose is SplitMix64 of the run's seed and the FNV-1a hash of the purpose's name, so it is the
/// same on every machine and does not depend on the order of first use.
public final class RandomStreams {
  public let seed: UInt64
  private var streams: [String: Generator] = [:]
  private var numberStreams: [String: NumberStream] = [:]

  public init(seed: UInt64) { self.seed = seed }

  /// The stream of a purpose, made at its first use.
  public func stream(_ purpose: String) throws -> Generator {
    if let stream = streams[purpose] { return stream }
    let stream = try Generator(seed: RandomStreams.derive(seed, purpose))
    streams[purpose] = stream
    return stream
  }

  /// The stream of integers of a purpose, made at its first use.
  public func numbers(_ purpose: String) -> NumberStream {
    if let stream = numberStreams[purpose] { return stream }
    let stream = NumberStream(seed: RandomStreams.derive(seed, purpose))
    numberStreams[purpose] = stream
    return stream
  }

  /// The states of all streams in use, by purpose; integer streams have int64 `[1]`.
  public func state() throws -> [String: Tensor] {
    var state = try streams.mapValues { try $0.state() }
    for (purpose, stream) in numberStreams {
      state["numbers:\(purpose)"] = try Tensor([Int64(bitPattern: stream.state)])
    }
    return state
  }

  /// Goes back to saved states; streams that were not in use then start afresh. Holders of a stream keep it.
  public func restore(_ state: [String: Tensor]) throws {
    for (purpose, stream) in streams where state[purpose] == nil {
      try stream.restore(Generator(seed: RandomStreams.derive(seed, purpose)).state())
    }
    for (purpose, stream) in numberStreams { stream.state = RandomStreams.derive(seed, purpose) }
    for (name, tensor) in state {
      if name.hasPrefix("numbers:") {
        numbers(String(name.dropFirst("numbers:".count))).state = UInt64(
          bitPattern: Int64(try tensor.itemInt()))
      } else {
        try stream(name).restore(tensor)
      }
    }
  }

  /// The seed of a purpose.
  public static func derive(_ seed: UInt64, _ purpose: String) -> UInt64 {
    var hash: UInt64 = 0xcbf2_9ce4_8422_2325
    for byte in purpose.utf8 { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01b3 }
    return NumberStream(seed: seed &+ hash).next()
  }
}
