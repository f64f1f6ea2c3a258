import Foundation
import Torch

// What takes the right class into account. Targets are int64 `[N]`.
extension ResponseDistillation {
  /// The two parts of KL(t ‖ s) that Decoupled Knowledge Distillation weighs apart (Zhao et al. 2022, eq. 7):
  /// the target's probability against that of all others, and the distribution among the others alone.
  ///
  /// The others are gathered and their logits summed in log-space, so neither part meets the logarithm of 0.
  ///
  /// - Returns: `[N]` each; KL(t ‖ s) = target + (1 − p_t(target)) · others.
  public static func decoupledKL(
    student: Tensor, teacher: Tensor, targets: Tensor, temperature: Double
  ) throws -> (target: Tensor, others: Tensor) {
    let s = try decoupled(student.asStudent() / temperature, targets)
    let t = try decoupled(teacher.asTeacher() / temperature, targets)
    return (
      try divergence(of: t.binary, from: s.binary), try divergence(of: t.others, from: s.others)
    )
  }

  /// Log-probabilities of the target and of all others together `[N, 2]`, and of each other among the others
  /// `[N, C − 1]`.
  private static func decoupled(_ logits: Tensor, _ targets: Tensor) throws -> (
    binary: Tensor, others: Tensor
  ) {
    let place = try targets.unsqueeze(1)
    let below = try Tensor.arange(0, logits.shape[1] - 1, device: logits.device)
    let others = try logits.gather(below + (below .>= place).to(.int64), dim: 1)
    let binary = try Tensor.concatenate(
      [logits.gather(place, dim: 1), others.logSumExp([1], keepDims: true)], dim: 1)
    return (try binary.logSoftmax(), try others.logSoftmax())
  }

  /// log p of a teacher that gives the target probability a and shares the rest equally among the others, `[N, classes]`.
  ///
  /// - Parameter correct: a
  public static func virtualTeacher(targets: Tensor, classes: Int, correct: Double) throws -> Tensor {
    let rest = log((1 - correct) / Double(classes - 1))
    return try Tensor.full([targets.count, classes], rest, device: targets.device)
      .scatter(targets.unsqueeze(1), value: log(correct), dim: 1)
  }

  /// −log p(target) at temperature 1.
  private static func crossEntropy(_ logits: Tensor, _ targets: Tensor) throws -> Tensor {
    try logits.asTeacher().crossEntropy(targets, reduction: .none)
  }

  /// 1 − exp(−CE_s / CE_t), small where the student already knows better than the teacher (Zhou et al. 2021);
  /// outside the graph.
  public static func weightedSoftLabelWeights(
    student: Tensor, teacher: Tensor, targets: Tensor
  ) throws -> Tensor {
    let ratio = try crossEntropy(student, targets) / (crossEntropy(teacher, targets) + 1e-7)
    return try -(-ratio).expm1()
  }

  /// The probability that the teacher gives the target, `[N]`.
  public static func targetProbability(teacher: Tensor, targets: Tensor) throws -> Tensor {
    try (-crossEntropy(teacher, targets)).exp()
  }

  /// 1 − H(p_t) / log C: 1 for a teacher that is certain, 0 for one that knows nothing, `[N]`.
  public static func certainty(teacher: Tensor) throws -> Tensor {
    let t = try teacher.asTeacher().logSoftmax()
    return try (t.exp() * t).sum([1]) / log(Double(t.shape[1])) + 1
  }

  /// Examples / (classes seen · examples of the class), whose mean over the examples is 1; 1 for classes without any.
  ///
  /// - Parameter targets: the class of each example, −1 for none of them.
  /// - Returns: one factor for each of `classes`.
  public static func balancedClassWeights(targets: [Int], classes: Int) -> [Double] {
    var counts = [Int](repeating: 0, count: classes)
    for target in targets where counts.indices.contains(target) { counts[target] += 1 }
    let (total, seen) = (counts.reduce(0, +), counts.filter { $0 > 0 }.count)
    return counts.map { $0 > 0 ? Double(total) / Double(seen * $0) : 1 }
  }
}
