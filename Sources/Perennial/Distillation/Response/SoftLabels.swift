import Torch

/// Teacher-free distillation, Tf-KD_reg (Yuan et al. 2020): a teacher that is always right and knows nothing else.
///
///     T² · KL(p^d_T ‖ softmax(z_s / T)),   p^d(c) = a for the target, (1 − a) / (C − 1) for others
///
/// p^d_T is p^d softened as a teacher's outputs are, so that T = 1 is label smoothing. The real teacher is not looked at.
public final class SoftLabels: DistillationTerm {
  public static let card = TermCard(
    "soft-labels", .response, summary: "The labels, softened, stand in for a teacher.",
    formula: "T² KL(p^d_T ‖ softmax(z_s / T)), p^d = a at the target, (1 − a) / (C − 1) elsewhere",
    paper: "Yuan et al., Revisiting Knowledge Distillation via Label Smoothing Regularization, 2020"
  ) { SoftLabels($0) }

  /// How the virtual teacher is softened.
  public enum Variant: String, CaseIterable, Codable, Sendable {
    /// As above.
    case paper
    /// KL(softmax(p^d / T) ‖ softmax(z_s)), without T², as in the paper's code, which also divides by C.
    case released
  }

  /// What a recipe can choose.
  public struct Options: Configurable {
    /// T
    public var temperature: Ramp = 20
    /// a
    public var correctProbability = 0.9
    public var variant = Variant.paper

    public init() {}

    public func validate(at node: ConfigurationNode) throws {
      try node.require("temperature", temperature, above: 0)
      try node.require("correctProbability", correctProbability, above: 0)
      try node.require("correctProbability", correctProbability, in: 0..<1)
    }
  }

  public let name = "soft-labels"
  private let options: Options

  public init(_ options: Options = Options()) { self.options = options }

  public func build(_ plan: TermPlan, _ random: RandomStreams) throws -> Module? {
    try plan.require(outputs: 2, for: name, because: "there must be others to share the rest")
    return nil
  }

  public func values(_ sight: TermSight) throws -> TermValues {
    let temperature = options.temperature(sight.progress)
    let classes = try sight.classes(for: name)
    let teacher = try ResponseDistillation.virtualTeacher(
      targets: classes.indices, classes: sight.student.shape[1], correct: options.correctProbability)
    guard options.variant == .released else {
      return .items(
        try ResponseDistillation.forwardKL(
          student: sight.student, teacher: teacher, temperature: temperature),
        temperature: temperature, valid: classes.valid)
    }
    return .items(
      try ResponseDistillation.forwardKL(
        student: sight.student, teacher: teacher.exp() / temperature, temperature: 1),
      valid: classes.valid)
  }
}
