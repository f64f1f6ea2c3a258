import Foundation
import Perennial
import Torch

/// How far a student's next-token probabilities q are from a teacher's p, at each place, in nats.
public enum TokenDivergence: Equatable, Sendable {
  /// KL(p ‖ q): the student covers what the teacher does (Hinton et al. 2015).
  case forward
  /// KL(q ‖ p): the student keeps to what the teacher likes (Gu et al. 2024).
  case reverse
  /// β KL(p ‖ m) + (1 − β) KL(q ‖ m) with m = β p + (1 − β) q (Agarwal et al. 2024, eq. 1), 0 < β < 1.
  case jensenShannon(teacherShare: Double)
  /// KL(p ‖ α p + (1 − α) q) (Ko et al. 2024, eq. 3), 0 ≤ α < 1.
  case skewForward(share: Double)
  /// KL(q ‖ (1 − α) p + α q) (Ko et al. 2024), 0 ≤ α < 1.
  case skewReverse(share: Double)

  /// The divergence at each place `[T]`, of log-probabilities `[T, V]`.
  func callAsFunction(student: Tensor, teacher: Tensor) throws -> Tensor {
    switch self {
    case .forward: return try Self.divergence(teacher, student)
    case .reverse: return try Self.divergence(student, teacher)
    case .jensenShannon(let share):
      let middle = try Self.mixture(teacher, share, student)
      return try Self.divergence(teacher, middle) * share + Self.divergence(student, middle) * (1 - share)
    case .skewForward(let share): return try Self.divergence(teacher, Self.mixture(teacher, share, student))
    case .skewReverse(let share): return try Self.divergence(student, Self.mixture(student, share, teacher))
    }
  }

  /// - Throws: `TorchError` for a share that is not allowed.
  func check() throws {
    let isAllowed =
      switch self {
      case .forward, .reverse: true
      case .jensenShannon(let share): share > 0 && share < 1
      case .skewForward(let share), .skewReverse(let share): share >= 0 && share < 1
      }
    guard isAllowed else { throw TorchError(.other, "\(self): a share lies between 0 and 1") }
  }

  /// Σ exp(a) (a − b) over the vocabulary.
  private static func divergence(_ a: Tensor, _ b: Tensor) throws -> Tensor {
    try (a.exp() * (a - b)).sum([1])
  }

  /// log(share · exp(a) + (1 − share) · exp(b)), without leaving logarithms.
  private static func mixture(_ a: Tensor, _ share: Double, _ b: Tensor) throws -> Tensor {
    guard share > 0 else { return b }
    return try (a + log(share)).logAddExp(b + log(1 - share))
  }
}

/// The mean divergence of two models' next-token probabilities, without a tensor of all scores of either, in nats.
///
/// - Parameters:
///   - student: What the student's output layer takes, `[N, L, D]` or `[T, D]`, and its weight `[V, D]`.
///   - teacher: The same of the teacher, of a width of its own; it gets no gradients.
///   - mask: Places that count, bool `[N, L]` or `[T]`; nil: all.
///   - temperature: Scores are divided by it; the result is not multiplied by its square.
///   - chunk: Places whose scores are there at once.
/// - Throws: `TorchError` for shapes that do not fit, a share or temperature that is not allowed.
public func chunkedDivergence(
  student: (hidden: Tensor, weight: Tensor), teacher: (hidden: Tensor, weight: Tensor),
  divergence: TokenDivergence = .forward, mask: Tensor? = nil, temperature: Double = 1, chunk: Int = 512
) throws -> Tensor {
  try divergence.check()
  guard temperature > 0, temperature.isFinite else {
    throw TorchError(.other, "a temperature is above 0, not \(temperature)")
  }
  let own = try ChunkedLoss.rows(student.hidden)
  let other = try ChunkedLoss.rows(teacher.hidden).detach()
  let weights = try mask?.flatten().to(.float32) ?? Tensor.ones([own.shape[0]], device: own.device)
  guard own.shape[0] == other.shape[0], weights.shape == [own.shape[0]],
    student.weight.shape[0] == teacher.weight.shape[0]
  else {
    throw TorchError(
      .shape,
      "\(own.shape[0]) places over \(student.weight.shape[0]) tokens, \(other.shape[0]) over "
        + "\(teacher.weight.shape[0]) of the teacher, and a mask of \(weights.shape) do not fit")
  }
  let count = try weights.sum().item()
  let teacherWeight = try teacher.weight.detach()
  return try ChunkedLoss.sum(
    rows: [own, other, weights], shared: [student.weight, teacherWeight], chunk: chunk,
    scale: 1 / Swift.max(count, 1)
  ) { rows, shared in
    let own = try (rows[0].linear(shared[0]) / temperature).logSoftmax()
    let other = try noGrad { try (rows[1].linear(shared[1]) / temperature).logSoftmax() }
    return try (divergence(student: own, teacher: other) * rows[2]).sum()
  }
}
