import Torch

/// Soft targets (Hinton et al. 2015): the student's distribution at temperature T follows the teacher's.
///
///     T² · KL(softmax(z_t / T) ‖ softmax(z_s / T))
public final class SoftTargets: DistillationTerm {
  public static let card = TermCard(
    "kd", .response, summary: "The student's softened distribution follows the teacher's.",
    formula: "T² KL(softmax(z_t / T) ‖ softmax(z_s / T))",
    paper: "Hinton et al., Distilling the Knowledge in a Neural Network, 2015"
  ) { SoftTargets($0) }

  /// What a recipe can choose.
  public struct Options: Configurable {
    /// T
    public var temperature: Ramp = 4

    public init() {}

    public func validate(at node: ConfigurationNode) throws {
      try node.require("temperature", temperature, above: 0)
    }
  }

  public let name = "kd"
  private let options: Options

  public init(_ options: Options = Options()) { self.options = options }

  public func values(_ sight: TermSight) throws -> TermValues {
    let temperature = options.temperature(sight.progress)
    return .items(
      try ResponseDistillation.forwardKL(
        student: sight.student, teacher: sight.teacher, temperature: temperature),
      temperature: temperature)
  }
}
