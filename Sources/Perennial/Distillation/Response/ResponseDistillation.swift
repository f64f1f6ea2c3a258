import Torch

/// Losses between the outputs of a teacher and those of a student: raw per-item values `[N]`.
///
/// Both sides go through log-softmax in float32 after the units that take part have been selected: a softmax over all
/// units that is sliced afterwards is no distribution. The teacher's side is cut from the graph. No factor T² here;
/// ``DistillationReducer`` owns it.
public enum ResponseDistillation {
  /// KL(teacher ‖ student) = Σ_c p_t (log p_t − log p_s) at temperature T (Hinton et al. 2015).
  public static func forwardKL(student: Tensor, teacher: Tensor, temperature: Double) throws -> Tensor {
    try student.asStudent().softenedDivergence(from: teacher.asTeacher(), temperature: temperature)
  }

  /// The same where the teacher knows some of the student's classes, which follow each other.
  ///
  /// - Parameter first: the student's unit that is the teacher's first.
  /// - Throws: ``TorchError`` where the student has fewer units from there on than the teacher.
  public static func forwardKL(student: Tensor, from first: Int, teacher: Tensor, temperature: Double) throws
    -> Tensor
  {
    try student.asStudent().softenedDivergence(
      from: teacher.asTeacher(), at: first, temperature: temperature)
  }

  /// KL(student ‖ teacher): looks for one mode instead of covering all.
  public static func reverseKL(student: Tensor, teacher: Tensor, temperature: Double) throws -> Tensor {
    let (s, t) = try logProbabilities(student, teacher, temperature)
    return try divergence(of: s, from: t)
  }

  /// −Σ_c p_t log p_s over all of the student's units, the teacher's missing ones counted as probability 0, so that
  /// new classes are pushed down (van de Ven et al.).
  public static func zeroPaddedCrossEntropy(
    student: Tensor, teacher: Tensor, temperature: Double
  ) throws -> Tensor {
    let (s, t) = try logProbabilities(student, teacher, temperature)
    return try -(t.exp() * s.narrow(dim: 1, start: 0, count: t.shape[1])).sum([1])
  }

  /// What becomes of the differences of an item's outputs.
  public enum Elements: String, CaseIterable, Codable, Sendable {
    case mean
    case sum
  }

  /// Σ_c (z_s − z_t)² / C, or the sum itself.
  ///
  /// - Parameter centred: leaves out by how much all units of an item differ together, which a softmax does not see.
  public static func meanSquaredLogits(
    student: Tensor, teacher: Tensor, _ elements: Elements = .mean, centred: Bool = false
  ) throws -> Tensor {
    var difference = try student.asStudent() - teacher.asTeacher()
    if centred { difference = try difference - difference.mean([1], keepDims: true) }
    return elements == .mean ? try difference.square().mean([1]) : try difference.square().sum([1])
  }

  /// Logits `[N, C]` with mean 0 and deviation 1 in each item, (z − mean) / (std + 10⁻⁷) with the unbiased deviation
  /// (Sun et al., Logit Standardization in Knowledge Distillation, 2024): the student need not match the teacher's
  /// scale, but its order and shape.
  public static func standardized(_ logits: Tensor) throws -> Tensor {
    let z = try logits.to(.float32)
    return try (z - z.mean([1], keepDims: true)) / (z.standardDeviation([1], keepDims: true) + 1e-7)
  }

  /// log softmax(z / T) of both, the teacher's outside the graph.
  static func logProbabilities(
    _ student: Tensor, _ teacher: Tensor, _ temperature: Double
  ) throws -> (student: Tensor, teacher: Tensor) {
    (
      try (student.asStudent() / temperature).logSoftmax(),
      try (teacher.asTeacher() / temperature).logSoftmax()
    )
  }

  /// Σ_c p (log p − log q) for log-probabilities p and q `[N, C]`.
  static func divergence(of p: Tensor, from q: Tensor) throws -> Tensor {
    try q.klDivergence(target: p, targetIsLog: true).sum([1])
  }
}
