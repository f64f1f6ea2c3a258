import Torch

/// Relational knowledge distillation, RKD (Park et al. 2019): items lie to each other as they do for the teacher.
///
///     w_D · h(d_s / μ_s − d_t / μ_t) + w_A · h(cos ∠_s − cos ∠_t)
///
/// d are distances of pairs, μ their mean, ∠ angles of triples, h Huber's loss with δ = 1. Of size N³.
public final class RelationalDistances: BatchRelation {
  public static let card = TermCard(
    "rkd", .relation, summary: "Distances and angles between items are those that the teacher sees.",
    formula: "w_D huber(d_s / μ_s − d_t / μ_t) + w_A huber(cos ∠_s − cos ∠_t)",
    paper: "Park et al., Relational Knowledge Distillation, 2019"
  ) { RelationalDistances($0) }

  /// What a recipe can choose.
  public struct Options: Configurable {
    /// Pairs of taps, student first.
    public var taps: [TapPair] = .same("features")
    /// w_D
    public var distanceWeight = 25.0
    /// w_A
    public var angleWeight = 50.0
    /// Compares directions: values at length 1.
    public var normalize = false

    public init() {}

    public func validate(at node: ConfigurationNode) throws {
      try node.requireTaps(taps)
      try node.require("distanceWeight", distanceWeight, atLeast: 0)
      try node.require("angleWeight", angleWeight, atLeast: 0)
      guard distanceWeight + angleWeight > 0 else {
        throw node.error(at: "distanceWeight", "must be above 0, or `angle_weight` must")
      }
    }
  }

  public let name = "rkd"
  private let options: Options

  public init(_ options: Options = Options()) { self.options = options }

  public var pairs: [TapPair] { options.taps }

  public func distance(student: Tensor, teacher: Tensor) throws -> Tensor {
    var (s, t) = try RelationDistillation.rows(student, teacher)
    if options.normalize {
      (s, t) = (try RelationDistillation.unit(s, 1), try RelationDistillation.unit(t, 1))
    }
    var parts: [Tensor] = []
    if options.distanceWeight > 0 {
      parts.append(
        try RelationDistillation.distanceLoss(student: s, teacher: t) * options.distanceWeight)
    }
    if options.angleWeight > 0 {
      parts.append(try RelationDistillation.angleLoss(student: s, teacher: t) * options.angleWeight)
    }
    return try sum(parts)
  }
}
