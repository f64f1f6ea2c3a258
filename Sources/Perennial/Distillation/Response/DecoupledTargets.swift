import Torch

/// Decoupled knowledge distillation (Zhao et al. 2022): how sure one is of the right class, and how alike the others are,
/// weighed apart.
///
///     T² (α KL(b_t ‖ b_s) + β KL(o_t ‖ o_s))   (eq. 7)
///
/// with b = [p(target), 1 − p(target)] and o the distribution among the other classes. Soft targets are the case α = 1,
/// β = 1 − p_t(target), which silences the others just where the teacher is sure. The published β is between 2 and 8, and
/// the weight rises linearly over the first 20 of 240 epochs.
public final class DecoupledTargets: DistillationTerm {
  public static let card = TermCard(
    "dkd", .response, summary: "The target's probability and the distribution of the others, weighed apart.",
    formula: "T² (α KL(b_t ‖ b_s) + β KL(o_t ‖ o_s)), b = [p_y, 1 − p_y], o_c = p_c / (1 − p_y)",
    paper: "Zhao et al., Decoupled Knowledge Distillation, 2022"
  ) { DecoupledTargets($0) }

  /// What a recipe can choose.
  public struct Options: Configurable {
    /// T
    public var temperature: Ramp = 4
    /// α
    public var targetWeight = 1.0
    /// β
    public var othersWeight = 8.0
    /// Compares logits of mean 0 and deviation 1, item by item.
    public var standardize = false

    public init() {}

    public func validate(at node: ConfigurationNode) throws {
      try node.require("temperature", temperature, above: 0)
      try node.require("targetWeight", targetWeight, atLeast: 0)
      try node.require("othersWeight", othersWeight, atLeast: 0)
    }
  }

  public let name = "dkd"
  private let options: Options

  public init(_ options: Options = Options()) { self.options = options }

  public func build(_ plan: TermPlan, _ random: RandomStreams) throws -> Module? {
    try plan.require(outputs: 3, for: name, because: "among the others of two there is nothing to distribute")
    return nil
  }

  public func values(_ sight: TermSight) throws -> TermValues {
    let temperature = options.temperature(sight.progress)
    let classes = try sight.classes(for: name)
    var (student, teacher) = (sight.student, sight.teacher)
    if options.standardize {
      student = try ResponseDistillation.standardized(student)
      teacher = try ResponseDistillation.standardized(teacher)
    }
    let parts = try ResponseDistillation.decoupledKL(
      student: student, teacher: teacher, targets: classes.indices, temperature: temperature)
    return .items(
      try parts.target * options.targetWeight + parts.others * options.othersWeight,
      temperature: temperature, valid: classes.valid)
  }
}
