import Torch

/// Correlation congruence, CC (Peng et al. 2019): a Gaussian kernel finds the same correlations between the student's
/// items as between the teacher's.
///
///     Σ_ij (k(e(s_i), e(s_j)) − k(t_i, t_j))² / N²,   k(x, y) ≈ e^(−2γ) Σ_{p ≤ P} (2γ)^p / p! (x · y)^p
///
/// of vectors at length 1. e is a learned linear layer to the teacher's width. The teacher's side learns nothing: with an
/// embedding of its own, both could agree on a constant.
public final class CorrelationCongruence: DistillationTerm {
  public static let card = TermCard(
    "cc", .relation,
    summary: "A Gaussian kernel finds the teacher's correlations between the student's items.",
    formula: "Σ_ij (k(e(s_i), e(s_j)) − k(t_i, t_j))² / N², k(x, y) = exp(−γ ‖x − y‖²) to order P",
    paper: "Peng et al., Correlation Congruence for Knowledge Distillation, 2019"
  ) { CorrelationCongruence($0) }

  /// What a recipe can choose.
  public struct Options: Configurable {
    /// Pairs of taps, student first.
    public var taps: [TapPair] = .same("features")
    /// γ
    public var gamma = 0.4
    /// P
    public var order = 2
    /// Whether a linear layer is learned on the student's side; the kernel does not need one.
    public var embedding = true

    public init() {}

    public func validate(at node: ConfigurationNode) throws {
      try node.requireTaps(taps)
      try node.require("gamma", gamma, above: 0)
      try node.require("order", order, atLeast: 1)
    }
  }

  public let name = "cc"
  private let options: Options
  private var embeddings: [Linear] = []

  public init(_ options: Options = Options()) { self.options = options }

  public var pairs: [TapPair] { options.taps }

  public func build(_ plan: TermPlan, _ random: RandomStreams) throws -> Module? {
    let shapes = try tapShapes(plan)
    for one in shapes { try one.requireItems() }
    guard options.embedding else { return nil }
    let generator = try random.stream("distillation.cc")
    embeddings = try shapes.map {
      try Linear($0.student.dropFirst().reduce(1, *), $0.teacher.dropFirst().reduce(1, *), generator)
    }
    return Sequential(embeddings)
  }

  public func values(_ sight: TermSight) throws -> TermValues {
    .batch(
      try sum(
        sight.pairs.enumerated().map { index, pair in
          let student = try pair.student.asStudent().flatten(from: 1)
          return try RelationDistillation.correlationLoss(
            student: embeddings.isEmpty ? student : embeddings[index](student), teacher: pair.teacher,
            gamma: options.gamma, order: options.order)
        }))
  }
}
