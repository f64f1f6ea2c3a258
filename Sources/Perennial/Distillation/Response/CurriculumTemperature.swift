import Torch

/// Curriculum temperature, CTKD (Li et al. 2023): a learned temperature that makes the task harder and harder.
///
///     max_θ min_z  T² · KL(softmax(z_t / T) ‖ softmax(z_s / T)),   T = T₀ + R · sigmoid(θ)
///
/// θ is one number, and descends the same loss through a reversed gradient whose strength λ rises from 0 to 1 by half a
/// cosine, over the first 10 of 240 epochs as published. T² takes part in what θ climbs.
public final class CurriculumTemperature: DistillationTerm {
  public static let card = TermCard(
    "ctkd", .response, summary: "Soft targets whose temperature learns to make the task harder and harder.",
    formula: "max_θ min_z T² KL(softmax(z_t / T) ‖ softmax(z_s / T)), T = T₀ + R sigmoid(θ)",
    paper: "Li et al., Curriculum Temperature for Knowledge Distillation, 2023"
  ) { try CurriculumTemperature($0) }

  /// What a recipe can choose.
  public struct Options: Configurable {
    /// T₀
    public var leastTemperature = 1.0
    /// R
    public var temperatureRange = 20.0
    /// λ
    public var reversal = Ramp(from: 0, to: 1, until: 0.04, shape: .cosine)
    /// Compares logits of mean 0 and deviation 1, item by item.
    public var standardize = false

    public init() {}

    public func validate(at node: ConfigurationNode) throws {
      try node.require("leastTemperature", leastTemperature, above: 0)
      try node.require("temperatureRange", temperatureRange, above: 0)
      try node.require("reversal", reversal, atLeast: 0)
    }
  }

  public let name = "ctkd"
  private let options: Options
  /// θ `[1]`, 1 in the beginning.
  private var theta: Parameter

  /// A curriculum at its beginning; throws only where libtorch cannot make a tensor.
  public init(_ options: Options = Options()) throws {
    self.options = options
    theta = Parameter(try Tensor.ones([1]))
  }

  public func build(_ plan: TermPlan, _ random: RandomStreams) throws -> Module? {
    if options.standardize { try plan.require(outputs: 2, for: name, because: "one has no spread") }
    theta = Parameter(try Tensor.ones([1]))
    let module = Module()
    module.register("theta", theta)
    return module
  }

  public func values(_ sight: TermSight) throws -> TermValues {
    let theta = try theta.value.reversingGradient(options.reversal(sight.progress))
    let temperature = try theta.sigmoid() * options.temperatureRange + options.leastTemperature
    var (student, teacher) = (try sight.student.asStudent(), try sight.teacher.asTeacher())
    if options.standardize {
      student = try ResponseDistillation.standardized(student)
      teacher = try ResponseDistillation.standardized(teacher)
    }
    let divergence = try ResponseDistillation.divergence(
      of: (teacher / temperature).logSoftmax(), from: (student / temperature).logSoftmax())
    // The reducer's T² is a number; this factor 1 gives it its derivative.
    let now = try temperature.detach().item()
    return .items(try divergence * (temperature / now).square(), temperature: now)
  }
}

extension Tensor {
  /// The same values, through which gradients go back times −`strength` (Ganin & Lempitsky 2015).
  func reversingGradient(_ strength: Double) throws -> Tensor {
    try detach() * (1 + strength) - self * strength
  }
}
