import Torch

/// Distillation from a stronger teacher, DIST (Huang et al. 2022): the student keeps the teacher's order and proportions
/// of probabilities, not the probabilities.
///
///     T² (β mean_n (1 − ρ(p_s[n, :], p_t[n, :])) + γ mean_c (1 − ρ(p_s[:, c], p_t[:, c])))
///
/// with Pearson's ρ. The published weights are 1 at T = 1 and, with 2 in front of the whole, those of the paper.
public final class StrongerTeacher: DistillationTerm {
  public static let card = TermCard(
    "dist", .response,
    summary: "The student's probabilities correlate with the teacher's, by item and by class.",
    formula: "T² (β mean_n (1 − ρ(p_s[n], p_t[n])) + γ mean_c (1 − ρ(p_s[:, c], p_t[:, c])))",
    paper: "Huang et al., Knowledge Distillation from a Stronger Teacher, 2022"
  ) { StrongerTeacher($0) }

  /// What a recipe can choose.
  public struct Options: Configurable {
    /// T
    public var temperature: Ramp = 1
    /// β: of the correlation between classes, within each item.
    public var interClassWeight = 1.0
    /// γ: of the correlation between items, within each class.
    public var intraClassWeight = 1.0

    public init() {}

    public func validate(at node: ConfigurationNode) throws {
      try node.require("temperature", temperature, above: 0)
      try node.require("interClassWeight", interClassWeight, atLeast: 0)
      try node.require("intraClassWeight", intraClassWeight, atLeast: 0)
    }
  }

  public let name = "dist"
  private let options: Options

  public init(_ options: Options = Options()) { self.options = options }

  public func build(_ plan: TermPlan, _ random: RandomStreams) throws -> Module? {
    try plan.require(outputs: 2, for: name, because: "one does not correlate")
    return nil
  }

  public func values(_ sight: TermSight) throws -> TermValues {
    let temperature = options.temperature(sight.progress)
    let inter = try ResponseDistillation.interClassDistance(
      student: sight.student, teacher: sight.teacher, temperature: temperature)
    let intra = try ResponseDistillation.intraClassDistance(
      student: sight.student, teacher: sight.teacher, temperature: temperature)
    return .batch(
      try inter.mean() * options.interClassWeight + intra.mean() * options.intraClassWeight,
      temperature: temperature)
  }
}
