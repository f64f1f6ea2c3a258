import Torch

extension Tensor {
  /// A teacher's log-probabilities `[N, K]`, where those of some units are not known, but what they have together: they share
  /// it as the student's do, so that the student is taught how much they have, and nothing of how they compare.
  ///
  /// At temperature 1 a divergence is then that between distributions in which all those units are one. Shared equally they
  /// would teach that a student's unlikely units are alike.
  ///
  /// - Parameters:
  ///   - student: outputs `[N, K]`.
  ///   - unkept: bool `[N, K]`, true where the value is any share of what is left.
  func sharing(as student: Tensor, where unkept: Tensor) throws -> Tensor {
    try noGrad {
      let known = try unkept.logicalNot()
      let left = try maskedFill(known, -Double.infinity).logSumExp([-1], keepDims: true)
      let shares = try student.detach().to(.float32).maskedFill(known, -Double.infinity).logSoftmax()
      return try Tensor.choose(unkept, left + shares, self)
    }
  }
}
