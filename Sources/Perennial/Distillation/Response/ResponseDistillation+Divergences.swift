import Foundation
import Torch

// Divergences between a teacher's distribution t and a student's s through a mixture of both.
extension ResponseDistillation {
  /// The generalised Jensen-Shannon divergence β KL(t ‖ m) + (1 − β) KL(s ‖ m), m = β t + (1 − β) s (Agarwal et al.,
  /// On-Policy Distillation of Language Models, 2024).
  ///
  /// It vanishes towards β = 0 and β = 1, where the two Kullback-Leibler divergences would be expected.
  ///
  /// - Parameters:
  ///   - mixture: β
  ///   - normalized: divides by β (1 − β), so that the value goes on continuously to ``forwardKL(student:teacher:temperature:)``
  ///     at β = 0 and ``reverseKL(student:teacher:temperature:)`` at β = 1.
  public static func jensenShannon(
    student: Tensor, teacher: Tensor, temperature: Double, mixture: Double = 0.5, normalized: Bool = false
  ) throws -> Tensor {
    if normalized, mixture <= 0 {
      return try forwardKL(student: student, teacher: teacher, temperature: temperature)
    }
    if normalized, mixture >= 1 {
      return try reverseKL(student: student, teacher: teacher, temperature: temperature)
    }
    let (s, t) = try logProbabilities(student, teacher, temperature)
    let m = try mix(t, s, mixture)
    let sum = try divergence(of: t, from: m) * mixture + divergence(of: s, from: m) * (1 - mixture)
    return normalized ? try sum / (mixture * (1 - mixture)) : sum
  }

  /// KL(t ‖ λ t + (1 − λ) s), whose gradient stays bounded where the student gives no probability (Ko et al., DistiLLM,
  /// 2024).
  ///
  /// - Parameter skew: λ
  public static func skewForwardKL(
    student: Tensor, teacher: Tensor, temperature: Double, skew: Double = 0.1
  ) throws -> Tensor {
    let (s, t) = try logProbabilities(student, teacher, temperature)
    return try divergence(of: t, from: mix(t, s, skew))
  }

  /// KL(s ‖ λ s + (1 − λ) t) (Ko et al. 2024).
  ///
  /// - Parameter skew: λ
  public static func skewReverseKL(
    student: Tensor, teacher: Tensor, temperature: Double, skew: Double = 0.1
  ) throws -> Tensor {
    let (s, t) = try logProbabilities(student, teacher, temperature)
    return try divergence(of: s, from: mix(s, t, skew))
  }

  /// log(w p + (1 − w) q) for log-probabilities p and q.
  private static func mix(_ p: Tensor, _ q: Tensor, _ weight: Double) throws -> Tensor {
    try Tensor.stack([p + log(weight), q + log(1 - weight)]).logSumExp([0])
  }
}
