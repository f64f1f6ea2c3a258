import Torch

/// Deep self-attention distillation, MiniLM (Wang et al. 2020, eq. 4 to 7): one layer of the student attends as one of the
/// teacher does, and relates its values as that does.
///
///     1/(heads L) Σ KL(A_t ‖ A_s) + 1/(heads L) Σ KL(VR_t ‖ VR_s),   VR = softmax(V Vᵀ / √d)
///
/// Widths may differ, the number of heads not. The published layers are the last of both. The means are over all places,
/// filling included.
public final class AttentionRelations: DistillationTerm {
  public static let card = TermCard(
    "minilm", .feature, summary: "The last layer attends, and relates its values, as the teacher's does.",
    formula: "mean KL(A_t ‖ A_s) + mean KL(VR_t ‖ VR_s), VR = softmax(V Vᵀ / √d)",
    paper: "Wang et al., MiniLM: Deep Self-Attention Distillation, 2020"
  ) { AttentionRelations($0) }

  /// What a recipe can choose.
  public struct Options: Configurable {
    /// The layer of each that is compared, counted from 1: the last one's number.
    public var studentLayer = 6
    public var teacherLayer = 12

    public init() {}

    public func validate(at node: ConfigurationNode) throws {
      try node.require("student_layer", studentLayer, atLeast: 1)
      try node.require("teacher_layer", teacherLayer, atLeast: 1)
    }
  }

  public let name = "minilm"
  public let pairs: [TapPair]

  public init(_ options: Options = Options()) {
    let (own, other) = ("attentions.\(options.studentLayer - 1)", "attentions.\(options.teacherLayer - 1)")
    pairs = [TapPair(own, other), TapPair("\(own).values", "\(other).values")]
  }

  public func build(_ plan: TermPlan, _ random: RandomStreams) throws -> Module? {
    for shapes in try tapShapes(plan) {
      guard shapes.student.count == 4, shapes.teacher.count == 4,
        shapes.student[1...2] == shapes.teacher[1...2]
      else { throw shapes.refused("heads are compared one by one, and there must be as many") }
    }
    return nil
  }

  public func values(_ sight: TermSight) throws -> TermValues {
    let attention = try Self.divergence(
      sight.pairs[0].student.asStudent(), sight.pairs[0].teacher.asTeacher())
    let relation = try Self.divergence(
      Self.relation(sight.pairs[1].student.asStudent()), Self.relation(sight.pairs[1].teacher.asTeacher()))
    return .items(try attention + relation)
  }

  /// VR `[N, heads, L, L]` of values `[N, heads, L, d]`.
  static func relation(_ values: Tensor) throws -> Tensor {
    try (values.matmul(values.T) / Double(values.shape[3]).squareRoot()).softmax()
  }

  /// The mean over heads and places of KL(t ‖ s) of probabilities `[N, heads, L, L]`, `[N]`; what neither sees is 0.
  static func divergence(_ student: Tensor, _ teacher: Tensor) throws -> Tensor {
    let (s, t) = (try student.clamp(min: 1e-12).log(), try teacher.clamp(min: 1e-12).log())
    return try (teacher * (t - s)).sum([-1]).mean([1, 2])
  }
}
