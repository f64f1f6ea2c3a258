import Torch

/// Weighted soft labels, WSLD (Zhou et al. 2021): soft targets that count less where the student already knows better
/// than the teacher.
///
///     T² · (1 − exp(−CE_s / CE_t)) · KL(softmax(z_t / T) ‖ softmax(z_s / T))
///
/// with the cross-entropies CE at temperature 1, outside the graph. The published weight is 2.5. The paper's code has the
/// cross-entropy in place of the divergence, which has the same gradient and does not end at 0.
public final class WeightedSoftLabels: DistillationTerm {
  public static let card = TermCard(
    "wsld", .response,
    summary: "Soft targets that count less where the student knows better than the teacher.",
    formula: "T² (1 − exp(−CE_s / CE_t)) KL(softmax(z_t / T) ‖ softmax(z_s / T))",
    paper:
      "Zhou et al., Rethinking Soft Labels for Knowledge Distillation: A Bias-Variance Tradeoff Perspective, 2021"
  ) { WeightedSoftLabels($0) }

  /// What a recipe can choose.
  public struct Options: Configurable {
    /// T
    public var temperature: Ramp = 2

    public init() {}

    public func validate(at node: ConfigurationNode) throws {
      try node.require("temperature", temperature, above: 0)
    }
  }

  public let name = "wsld"
  private let options: Options

  public init(_ options: Options = Options()) { self.options = options }

  public func values(_ sight: TermSight) throws -> TermValues {
    let temperature = options.temperature(sight.progress)
    let classes = try sight.classes(for: name)
    let weights = try ResponseDistillation.weightedSoftLabelWeights(
      student: sight.student, teacher: sight.teacher, targets: classes.indices)
    let divergence = try ResponseDistillation.forwardKL(
      student: sight.student, teacher: sight.teacher, temperature: temperature)
    return .items(try divergence * weights, temperature: temperature, valid: classes.valid)
  }
}
