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

  /// N(mean, deviation²) within [low, high], by the inverse error function as `trunc_normal_` does.
  public static func truncatedNormal(
    _ shape: [Int], mean: Double = 0, standardDeviation: Double = 1, low: Double = -2, high: Double = 2,
    _ generator: Generator
  ) throws -> Tensor {
    func cumulative(_ x: Double) -> Double { (1 + erf(x / 2.0.squareRoot())) / 2 }
    let lower = cumulative((low - mean) / standardDeviation)
    let upper = cumulative((high - mean) / standardDeviation)
    let tensor = try Tensor.empty(shape)
    try tensor.fillUniform(2 * lower - 1, 2 * upper - 1, generator)
    let values = try tensor.inverseErrorFunction() * (standardDeviation * 2.0.squareRoot()) + mean
    return try values.clamp(min: low, max: high)
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
