import Torch

/// Losses between the outputs of a teacher and those of a student: raw per-item values `[N]`.
///
/// Both sides go through log-softmax in float32 after the units that take part have been selected: a softmax over all
/// units that is sliced afterwards is no distribution. No factor T² here; ``DistillationReducer`` owns it.
public enum ResponseDistillation {
  /// KL(teacher ‖ student) = Σ_c p_t (log p_t − log p_s) at temperature T (Hinton et al. 2015).
  public static func forwardKL(student: Tensor, teacher: Tensor, temperature: Double) throws -> Tensor {
    let s = try (student / temperature).logSoftmax()
    let t = try (teacher / temperature).logSoftmax()
    return try s.klDivergence(target: t, targetIsLog: true).sum([1])
  }

  /// KL(student ‖ teacher): looks for one mode instead of covering all.
  public static func reverseKL(student: Tensor, teacher: Tensor, temperature: Double) throws -> Tensor {
    let s = try (student / temperature).logSoftmax()
    let t = try (teacher / temperature).logSoftmax()
    return try t.klDivergence(target: s, targetIsLog: true).sum([1])
  }

  /// −Σ_c p_t log p_s over all of the student's units, the teacher's missing ones counted as probability 0, so that
  /// new classes are pushed down (van de Ven et al.).
  public static func zeroPaddedCrossEntropy(
    student: Tensor, teacher: Tensor, temperature: Double
  ) throws -> Tensor {
    let logp = try (student / temperature).logSoftmax()
    let p = try (teacher / temperature).softmax()
    return try -(p * logp.narrow(dim: 1, start: 0, count: p.shape[1])).sum([1])
  }

  /// Σ_c (z_s − z_t)² / C.
  public static func meanSquaredLogits(student: Tensor, teacher: Tensor) throws -> Tensor {
    try student.meanSquaredError(teacher, reduction: .none).mean([1])
  }
}
