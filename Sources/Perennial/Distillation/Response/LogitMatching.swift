import Torch

/// Logit matching (Ba & Caruana 2014): the student's outputs are the teacher's, before any softmax.
///
///     Σ_c (z_s − z_t)² / C
///
/// The sum over classes is the paper's, twice; the mean does not grow with them. For T → ∞, soft targets become the
/// centred sum divided by 2 C. It needs no classes and serves regression too.
public final class LogitMatching: DistillationTerm {
  public static let card = TermCard(
    "logits", .response, summary: "The student's outputs are the teacher's.",
    formula: "Σ_c (z_s − z_t)² / C",
    paper: "Ba & Caruana, Do Deep Nets Really Need to be Deep?, 2014"
  ) { LogitMatching($0) }

  /// What a recipe can choose.
  public struct Options: Configurable {
    /// The mean or the sum over classes.
    public var classes = ResponseDistillation.Elements.mean
    /// Leaves out by how much all outputs of an item differ together.
    public var centred = false

    public init() {}
  }

  public let name = "logits"
  public let needsClasses = false
  public let isItemwise = true
  private let options: Options

  public init(_ options: Options = Options()) { self.options = options }

  public func values(_ sight: TermSight) throws -> TermValues {
    .items(
      try ResponseDistillation.meanSquaredLogits(
        student: sight.student, teacher: sight.teacher, options.classes, centred: options.centred))
  }
}
