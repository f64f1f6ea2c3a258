import Torch

/// Similarity-preserving distillation, SP (Tung & Mori 2019): items that are alike for the teacher are alike for the
/// student.
///
///     ‖G_s − G_t‖² / N²,   G = X Xᵀ with rows at length 1
///
/// X are the flattened values `[N, …]` at a tap. The published weight is 3000, after the last stage.
public final class SimilarityPreservation: BatchRelation {
  public static let card = TermCard(
    "sp", .relation, summary: "Items that are alike for the teacher are alike for the student.",
    formula: "‖G_s − G_t‖² / N², G = X Xᵀ with rows at length 1",
    paper: "Tung & Mori, Similarity-Preserving Knowledge Distillation, 2019"
  ) { SimilarityPreservation($0) }

  /// What a recipe can choose.
  public struct Options: Configurable {
    /// Pairs of taps, student first.
    public var taps: [TapPair] = .same("features")

    public init() {}

    public func validate(at node: ConfigurationNode) throws { try node.requireTaps(taps) }
  }

  public let name = "sp"
  private let options: Options

  public init(_ options: Options = Options()) { self.options = options }

  public var pairs: [TapPair] { options.taps }

  public func distance(student: Tensor, teacher: Tensor) throws -> Tensor {
    try RelationDistillation.similarityLoss(student: student, teacher: teacher)
  }
}
