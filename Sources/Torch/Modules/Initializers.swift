import Foundation

/// Fills tensors as `torch.nn.init` does: the same generator state gives the same numbers.
public enum Initializer {
  /// The inputs and outputs that a weight `[out, in, …]` connects, kernel area counted in.
  public static func fans(_ shape: [Int]) throws -> (in: Int, out: Int) {
    guard shape.count >= 2 else {
      throw TorchError(.shape, "fan in and fan out need two dimensions, not \(shape)")
    }
    let area = shape.dropFirst(2).reduce(1, *)
    return (shape[1] * area, shape[0] * area)
  }

  /// U(−bound, bound) with bound = gain · √(3 / fan_in) and gain = √(2 / (1 + slope²)) (He et al. 2015, eq.
  /// 14).
  public static func kaimingUniform(_ shape: [Int], slope: Double = 0, _ generator: Generator) throws
    -> Tensor
  {
    let bound = (2 / (1 + slope * slope)).squareRoot() * (3 / Double(try fans(shape).in)).squareRoot()
    return try uniform(shape, -bound, bound, generator)
  }

  /// N(0, gain² / fan) with gain = √2 (He et al. 2015).
  public static func kaimingNormal(_ shape: [Int], fanOut: Bool = false, _ generator: Generator) throws
    -> Tensor
  {
    let fan = try fans(shape)
    return try normal(
      shape, standardDeviation: (2 / Double(fanOut ? fan.out : fan.in)).squareRoot(), generator)
  }

  /// U(−bound, bound) with bound = gain · √(6 / (fan_in + fan_out)) (Glorot & Bengio 2010, eq. 16).
  public static func xavierUniform(_ shape: [Int], gain: Double = 1, _ generator: Generator) throws -> Tensor
  {
    let fan = try fans(shape)
    let bound = gain * (6 / Double(fan.in + fan.out)).squareRoot()
    return try uniform(shape, -bound, bound, generator)
  }

  /// N(0, gain² · 2 / (fan_in + fan_out)) (Glorot & Bengio 2010).
  public static func xavierNormal(_ shape: [Int], gain: Double = 1, _ generator: Generator) throws -> Tensor {
    let fan = try fans(shape)
    return try normal(shape, standardDeviation: gain * (2 / Double(fan.in + fan.out)).squareRoot(), generator)
  }

  /// U(low, high).
  public static func uniform(_ shape: [Int], _ low: Double, _ high: Double, _ generator: Generator) throws
    -> Tensor
  {
    let tensor = try Tensor.empty(shape)
    try tensor.fillUniform(low, high, generator)
    return tensor
  }

  /// N(mean, deviation²).
  public static func normal(
    _ shape: [Int], mean: Double = 0, standardDeviation: Double = 1, _ generator: Generator
  ) throws -> Tensor {
    let tensor = try Tensor.empty(shape)
    try tensor.fillNormal(mean: mean, standardDeviation: standardDeviation, generator)
    return tensor
  }

  /// N(mean, deviation²) within [low, high], drawn as `trunc_normal_` draws it since PyTorch 2.13: again
  /// where a draw falls outside, from the normal distribution where more than 0.3 of it lies inside, else
  /// from the uniform one.
  ///
  /// - Throws: `TorchError` unless `low` < `high` and the deviation is positive.
  public static func truncatedNormal(
    _ shape: [Int], mean: Double = 0, standardDeviation: Double = 1, low: Double = -2, high: Double = 2,
    _ generator: Generator
  ) throws -> Tensor {
    guard low < high, standardDeviation > 0, (mean + low + high).isFinite else {
      throw TorchError(
        .other,
        "a normal distribution cannot be cut to \(low) … \(high) around \(mean) ± \(standardDeviation)")
    }
    func cumulative(_ x: Double) -> Double {
      (1 + erf((x - mean) / standardDeviation / 2.0.squareRoot())) / 2
    }
    guard cumulative(high) - cumulative(low) > 0.3 else {
      return try truncatedTail(shape, mean, standardDeviation, low, high, generator)
    }
    func draw() throws -> Tensor {
      try normal(shape, mean: mean, standardDeviation: standardDeviation, generator)
    }
    var values = try draw()
    while true {
      let outside = try (values .< low).logicalOr(values .> high)
      guard try outside.any().item() != 0 else { return values }
      values = try Tensor.choose(outside, draw(), values)
    }
  }

  /// Uniform draws, each kept with its density's share of the largest density in [low, high].
  private static func truncatedTail(
    _ shape: [Int], _ mean: Double, _ deviation: Double, _ low: Double, _ high: Double, _ generator: Generator
  ) throws -> Tensor {
    let mode = max(low, min(mean, high))
    let logPeak = -0.5 * ((mode - mean) / deviation) * ((mode - mean) / deviation)
    func isRejected(_ values: Tensor) throws -> Tensor {
      let logShare = try ((values - mean) / deviation).square() * -0.5 - logPeak
      return try uniform(shape, 0, 1, generator).log() .> logShare
    }
    var values = try uniform(shape, low, high, generator)
    var pending = try isRejected(values)
    while try pending.any().item() != 0 {
      let candidates = try uniform(shape, low, high, generator)
      values = try Tensor.choose(pending, candidates, values)
      pending = try pending.logicalAnd(isRejected(candidates))
    }
    return values
  }

  /// Rows (or columns) of a random orthogonal matrix (Saxe et al. 2013).
  public static func orthogonal(_ shape: [Int], gain: Double = 1, _ generator: Generator) throws -> Tensor {
    guard shape.count >= 2 else {
      throw TorchError(.shape, "an orthogonal matrix needs two dimensions, not \(shape)")
    }
    let rows = shape[0]
    let columns = shape.dropFirst().reduce(1, *)
    var flat = try normal([rows, columns], generator)
    if rows < columns { flat = try flat.T }
    let (q, r) = try flat.qr()
    var result = try q * r.diagonal().sign()
    if rows < columns { result = try result.T }
    return try (result * gain).reshape(shape).contiguous()
  }

  /// The bias of linear and convolution layers: U(−1/√fan_in, 1/√fan_in).
  static func bias(_ count: Int, fanIn: Int, _ generator: Generator) throws -> Tensor {
    let bound = 1 / Double(fanIn).squareRoot()
    return try uniform([count], -bound, bound, generator)
  }
}
