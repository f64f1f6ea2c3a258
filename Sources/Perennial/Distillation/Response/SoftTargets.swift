import Torch

/// Soft targets (Hinton et al. 2015): the student's distribution at temperature T follows the teacher's.
///
///     T² · KL(softmax(z_t / T) ‖ softmax(z_s / T))
///
/// The same family goes on: other divergences (Agarwal et al. 2024, Ko et al. 2024), standardised logits (Sun et al.
/// 2024), and weights by what is known of the item.
public final class SoftTargets: DistillationTerm {
  public static let card = TermCard(
    "kd", .response, summary: "The student's softened distribution follows the teacher's.",
    formula: "T² KL(softmax(z_t / T) ‖ softmax(z_s / T))",
    paper: "Hinton et al., Distilling the Knowledge in a Neural Network, 2015"
  ) { SoftTargets($0) }

  /// Which divergence, of the teacher's distribution t and the student's s.
  public enum Direction: String, CaseIterable, Codable, Sendable {
    /// KL(t ‖ s): covers everything that the teacher holds possible.
    case forward
    /// KL(s ‖ t): keeps to what the teacher holds likely.
    case reverse
    /// β KL(t ‖ m) + (1 − β) KL(s ‖ m), m = β t + (1 − β) s.
    case jensenShannon = "jensen-shannon"
    /// KL(t ‖ λ t + (1 − λ) s).
    case skewForward = "skew-forward"
    /// KL(s ‖ λ s + (1 − λ) t).
    case skewReverse = "skew-reverse"
  }

  /// What is done about T making gradients smaller by T².
  public enum Scale: String, CaseIterable, Codable, Sendable {
    case squared
    /// Nothing, as TextBrewer, TRL, Avalanche and Mammoth leave it.
    case none
  }

  /// How much an item counts, by how sure the teacher is of it.
  public enum Confidence: String, CaseIterable, Codable, Sendable {
    case none
    /// The teacher's probability of the right class; items without one are left out.
    case probability
    /// 1 − entropy / log C.
    case entropy
  }

  /// How much an item counts, by its class.
  public enum ClassWeights: String, CaseIterable, Codable, Sendable {
    case none
    /// By inverse frequency, 1 on average; items without a class have 1.
    case balanced
  }

  /// What a recipe can choose.
  public struct Options: Configurable {
    /// T
    public var temperature: Ramp = 4
    public var direction = Direction.forward
    /// β of the Jensen-Shannon divergence.
    public var mixture = 0.5
    /// Divides it by β (1 − β), so that it goes on to KL(t ‖ s) at 0 and KL(s ‖ t) at 1.
    public var normalizeMixture = false
    /// λ of the skewed divergences.
    public var skew = 0.1
    /// Compares logits of mean 0 and deviation 1, item by item.
    public var standardize = false
    public var scale = Scale.squared
    public var confidence = Confidence.none
    public var classWeights = ClassWeights.none

    public init() {}

    public func validate(at node: ConfigurationNode) throws {
      try node.require("temperature", temperature, above: 0)
      try node.require("mixture", mixture, in: 0...1)
      if direction == .jensenShannon, !normalizeMixture, mixture == 0 || mixture == 1 {
        throw node.error(
          at: "mixture", "the divergence is 0 at 0 and 1: set `normalize_mixture: true`, or a direction")
      }
      try node.require("skew", skew, in: 0..<1)
    }
  }

  public let name = "kd"
  /// Items whose class the teacher does not know leave a mean over fewer.
  public var isItemwise: Bool { options.confidence != .probability }
  private let options: Options
  /// By unit of the student.
  private var classWeights: [Double]?

  public init(_ options: Options = Options()) { self.options = options }

  public func build(_ plan: TermPlan, _ random: RandomStreams) throws -> Module? {
    if options.standardize || options.confidence == .entropy {
      try plan.require(outputs: 2, for: name, because: "one has no spread")
    }
    try renew(plan, random)
    return nil
  }

  public func renew(_ plan: TermPlan, _ random: RandomStreams) throws {
    guard options.classWeights == .balanced else { return }
    let classes = max(plan.outputs, (plan.targets.max() ?? 0) + 1)
    classWeights = ResponseDistillation.balancedClassWeights(targets: plan.targets, classes: classes)
  }

  public func values(_ sight: TermSight) throws -> TermValues {
    let temperature = options.temperature(sight.progress)
    var (values, valid) = (try divergence(sight, temperature), Tensor?.none)
    switch options.confidence {
    case .none: break
    case .probability:
      let classes = try sight.classes(for: name)
      valid = classes.valid
      values =
        try values
        * ResponseDistillation.targetProbability(teacher: sight.teacher, targets: classes.indices)
    case .entropy: values = try values * ResponseDistillation.certainty(teacher: sight.teacher)
    }
    if let classWeights {
      let classes = try sight.classes(for: name)
      let units = sight.units ?? Array(classWeights.indices)
      let known = try Tensor(units.map { classWeights.indices.contains($0) ? classWeights[$0] : 1 })
      let own = try known.to(.float32).to(values.device).indexSelect(classes.indices)
      values = try values * Tensor.choose(classes.valid, own, own.onesLike())
    }
    return .items(values, temperature: options.scale == .squared ? temperature : 1, valid: valid)
  }

  private func divergence(_ sight: TermSight, _ temperature: Double) throws -> Tensor {
    var (student, teacher) = (sight.student, sight.teacher)
    if options.standardize {
      student = try ResponseDistillation.standardized(student)
      teacher = try ResponseDistillation.standardized(teacher)
    }
    switch options.direction {
    case .forward:
      return try ResponseDistillation.forwardKL(student: student, teacher: teacher, temperature: temperature)
    case .reverse:
      return try ResponseDistillation.reverseKL(student: student, teacher: teacher, temperature: temperature)
    case .jensenShannon:
      return try ResponseDistillation.jensenShannon(
        student: student, teacher: teacher, temperature: temperature, mixture: options.mixture,
        normalized: options.normalizeMixture)
    case .skewForward:
      return try ResponseDistillation.skewForwardKL(
        student: student, teacher: teacher, temperature: temperature, skew: options.skew)
    case .skewReverse:
      return try ResponseDistillation.skewReverseKL(
        student: student, teacher: teacher, temperature: temperature, skew: options.skew)
    }
  }
}
