import CTorch

/// A stream of random numbers of its own: libtorch's Mersenne twister on the CPU.
///
/// The same seed gives the same numbers as `torch.Generator().manual_seed(seed)`; the state can be saved and
/// restored at any point.
public final class Generator {
  let handle: ct_generator

  /// A generator at the beginning of the stream that belongs to `seed`.
  public init(seed: UInt64, device: Device = .cpu) throws {
    var result: ct_generator?
    try check(ct_generator_new(seed, device.description, &result))
    guard let result else { throw TorchError(.other, "libtorch returned no generator") }
    handle = result
  }

  deinit { ct_generator_free(handle) }

  /// The complete state as uint8 `[bytes]`.
  public func state() throws -> Tensor {
    try withExtendedLifetime(self) { try Tensor.make { ct_generator_state(handle, $0) } }
  }

  /// Goes back to a state that `state()` gave.
  public func restore(_ state: Tensor) throws {
    try withExtendedLifetime((self, state)) { try check(ct_generator_set_state(handle, state.handle)) }
  }
}

extension Tensor {
  private typealias Draw = (ct_generator?, Result) -> Int32

  private static func draw(_ generator: Generator, _ body: Draw) throws -> Tensor {
    try withExtendedLifetime(generator) { try make { body(generator.handle, $0) } }
  }

  /// Uniform in [0, 1), on the generator's device.
  public static func uniform(
    _ shape: [Int], _ generator: Generator, dtype: DType = .float32, device: Device = .cpu
  ) throws -> Tensor {
    let sizes = shape.map(Int64.init)
    return try draw(generator) { ct_rand(sizes, sizes.count, $0, dtype.rawValue, device.description, $1) }
  }

  /// Standard normal.
  public static func normal(_ shape: [Int], _ generator: Generator, dtype: DType = .float32) throws -> Tensor
  {
    let sizes = shape.map(Int64.init)
    return try draw(generator) { ct_randn(sizes, sizes.count, $0, dtype.rawValue, "cpu", $1) }
  }

  /// Integers of `range`, int64.
  public static func randomIntegers(_ range: Range<Int>, _ shape: [Int], _ generator: Generator) throws
    -> Tensor
  {
    let sizes = shape.map(Int64.init)
    return try draw(generator) {
      ct_randint(Int64(range.lowerBound), Int64(range.upperBound), sizes, sizes.count, $0, "cpu", $1)
    }
  }

  /// The integers 0 ..< n in random order, int64 `[n]`.
  public static func permutation(_ n: Int, _ generator: Generator) throws -> Tensor {
    try draw(generator) { ct_randperm(Int64(n), $0, "cpu", $1) }
  }

  /// 1 with the probability that each element of `self` gives, else 0.
  public func bernoulli(_ generator: Generator) throws -> Tensor {
    try withExtendedLifetime((self, generator)) {
      try Tensor.make { ct_bernoulli(handle, generator.handle, $0) }
    }
  }

  /// Places drawn by the weights of each row, int64 `[…, count]`.
  public func multinomial(_ count: Int, replacement: Bool = false, _ generator: Generator) throws -> Tensor {
    try withExtendedLifetime((self, generator)) {
      try Tensor.make { ct_multinomial(handle, Int64(count), replacement, generator.handle, $0) }
    }
  }

  /// Overwrites self with draws from the uniform distribution on [low, high).
  public func fillUniform(_ low: Double, _ high: Double, _ generator: Generator) throws {
    try withExtendedLifetime(generator) { try mutate { ct_uniform_($0, low, high, generator.handle) } }
  }

  /// Overwrites self with draws from a normal distribution.
  public func fillNormal(mean: Double = 0, standardDeviation: Double = 1, _ generator: Generator) throws {
    try withExtendedLifetime(generator) {
      try mutate { ct_normal_($0, mean, standardDeviation, generator.handle) }
    }
  }

  /// Overwrites self with ones at `probability`, else zeros.
  public func fillBernoulli(_ probability: Double, _ generator: Generator) throws {
    try withExtendedLifetime(generator) { try mutate { ct_bernoulli_($0, probability, generator.handle) } }
  }

  /// self with each element dropped with `probability`, to the nearest 1/65,536, and the others scaled so that the
  /// expectation stays.
  public func dropout(_ probability: Double, _ generator: Generator) throws -> Tensor {
    let mask = try withExtendedLifetime((self, generator)) {
      try Tensor.make { ct_dropout_mask(handle, probability, generator.handle, $0) }
    }
    return try self * mask
  }
}
