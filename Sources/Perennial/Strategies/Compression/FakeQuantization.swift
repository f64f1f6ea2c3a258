import Torch

/// Rounds numbers to those that few bits can hold, while they stay floating-point.
enum FakeQuantization {
  /// w ≈ s · round(w / s) with s = max |w| / (2^(b−1) − 1) for each output unit: symmetric, 0 stays 0 (Jacob et al. 2018).
  ///
  /// - Parameter weights: `[out, …]`
  static func symmetric(_ weights: Tensor, bits: Int) throws -> Tensor {
    let rows = try weights.flatten(from: 1)
    let top = Double((1 << (bits - 1)) - 1)
    let scale = try (rows.abs().amax([1], keepDims: true) / top).clamp(min: 1e-12)
    let shape = [weights.shape[0]] + [Int](repeating: 1, count: weights.rank - 1)
    let wide = try scale.reshape(shape)
    return try (weights / wide).round().clamp(min: -top, max: top) * wide
  }

  /// 2 q(tanh w / (2 max |tanh w|) + ½) − 1 with q(x) = round((2^b − 1) x) / (2^b − 1) (DoReFa, Zhou et al. 2016, eq. 9).
  static func doReFa(_ weights: Tensor, bits: Int) throws -> Tensor {
    let top = Double((1 << bits) - 1)
    let squashed = try weights.tanh()
    let largest = try squashed.abs().flatten().amax([0]).clamp(min: 1e-12)
    return try ((squashed / (largest * 2) + 0.5) * top).round() / top * 2 - 1
  }

  /// What eq. 9 lets through to the weights while its rounding is passed straight: (1 − tanh² w) / max |tanh w|.
  static func doReFaSlope(_ weights: Tensor) throws -> Tensor {
    let squashed = try weights.tanh()
    return try (1 - squashed.square()) / squashed.abs().flatten().amax([0]).clamp(min: 1e-12)
  }

  /// Values in [low, high] at 2^b even steps; the gradient passes straight inside the range and is 0 outside of it.
  static func affine(_ values: Tensor, low: Double, high: Double, bits: Int) throws -> Tensor {
    let step = (high - low) / Double((1 << bits) - 1)
    guard step > 0 else { return values }
    let inside = try values.clamp(min: low, max: high)
    let error = try noGrad { try ((inside - low) / step).round() * step + low - inside }
    return try inside + error
  }
}
