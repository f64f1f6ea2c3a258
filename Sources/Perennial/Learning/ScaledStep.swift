import Torch

/// Lets every parameter go a part of the way only that the optimizer takes it.
///
///     θ ← θ_before + f ⊙ (θ − θ_before),   θ_before to the last bit where f = 0, θ where f = 1
///
/// A factor of the gradient would be divided out again by Adam, and momentum and weight decay move what has none.
struct ScaledStep {
  private var before: Tensor?

  init() {}

  /// The optimizer is about to step.
  mutating func begin(_ vector: ParameterVector) throws { before = try vector.snapshot() }

  /// It has stepped.
  ///
  /// - Parameter factors: f `[P]`; not asked for where no step was begun.
  mutating func end(_ vector: ParameterVector, _ factors: @autoclosure () throws -> Tensor) throws {
    guard let before else { return }
    self.before = nil
    let factors = try factors()
    try noGrad {
      let scaled = try before + (vector.values - before) * factors
      try vector.values.copy(from: Tensor.choose(factors .== 1, vector.values, scaled))
    }
  }
}
