import Torch

/// A line through the outputs of new classes that undoes their advantage (Wu et al. 2019, BiC, eq. 4).
///
///     q_k = o_k for old units,   q_k = α o_k + β for units from `first` on
public struct BiasFit: Codable, Equatable, Sendable {
  /// The first corrected unit, and how many follow it.
  public let first: Int
  public let count: Int
  public var alpha = 1.0
  public var beta = 0.0

  /// The correction that changes nothing.
  public init(first: Int, count: Int) { (self.first, self.count) = (first, count) }

  /// Corrected outputs `[N, K]`.
  public func callAsFunction(_ outputs: Tensor) throws -> Tensor {
    var parts = try outputs.split([first, count, outputs.shape[1] - first - count], dim: 1)
    parts[1] = try parts[1] * alpha + beta
    return try Tensor.concatenate(parts, dim: 1)
  }

  /// The best correction for held-out outputs `[N, K]` with units int64 `[N]`: the minimum of
  ///
  ///     mean CE(q, y) + 0.1 β² / 2 + 0.001 (α − 1)² / 2
  ///
  /// where the penalty of β is that of the authors' program, and that of α keeps the minimum finite where the held-out
  /// items can be told apart without error. It is convex, so it is found by Newton's method instead of by descent.
  public static func fit(_ outputs: Tensor, units: Tensor, first: Int) throws -> BiasFit {
    try noGrad {
      let outputs = try outputs.to(.float64)
      var fit = BiasFit(first: first, count: outputs.shape[1] - first)
      let new = try outputs.narrow(dim: 1, start: first, count: fit.count)
      let isNew = try (units .>= first).to(.float64)
      let own = try outputs.gather(units.unsqueeze(1), dim: 1).squeeze(1) * isNew
      func loss(_ fit: BiasFit) throws -> Double {
        try fit(outputs).crossEntropy(units).item() + 0.05 * fit.beta * fit.beta
          + 0.0005 * (fit.alpha - 1) * (fit.alpha - 1)
      }
      var value = try loss(fit)
      for _ in 0..<50 {
        let p = try fit(outputs).softmax(1).narrow(dim: 1, start: first, count: fit.count)
        let (mass, moment) = (try p.sum([1]), try (p * new).sum([1]))
        let slope = (
          try (moment - own).mean().item() + 0.001 * (fit.alpha - 1),
          try (mass - isNew).mean().item() + 0.1 * fit.beta
        )
        let (a, b, c) = (
          try ((p * new.square()).sum([1]) - moment.square()).mean().item() + 0.001,
          try (moment * (1 - mass)).mean().item(),
          try (mass * (1 - mass)).mean().item() + 0.1
        )
        let determinant = a * c - b * b
        let step = ((c * slope.0 - b * slope.1) / determinant, (a * slope.1 - b * slope.0) / determinant)
        var (size, better) = (1.0, fit)
        repeat {
          (better.alpha, better.beta) = (fit.alpha - size * step.0, fit.beta - size * step.1)
          size /= 2
        } while try loss(better) > value && size > 1e-6
        let now = try loss(better)
        guard now < value else { break }
        (fit, value) = (better, now)
      }
      return fit
    }
  }
}
