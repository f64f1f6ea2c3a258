import Foundation
import Torch

/// Variational information distillation (Ahn et al. 2019): the student knows as much about the teacher as possible.
///
///     −log q(t | s) = mean ½ [ (t − μ(s))² / σ_c² + log σ_c² ],   σ_c² = log(1 + exp α_c) + ε   (eq. 6)
///
/// a bound of mutual information by a Gaussian whose mean μ is made from the student and whose variance is one number a
/// channel; both learn. Values may be negative. μ is three 1×1 convolutions for maps, one linear map for vectors. By
/// default the three stages of residual networks for CIFAR.
public final class VariationalInformation: DistillationTerm {
  public static let card = TermCard(
    "vid", .feature, summary: "The student tells as much as possible about the teacher's values.",
    formula: "mean ½ [(t − μ(s))² / σ_c² + log σ_c²], σ_c² = softplus(α_c) + ε, α learned",
    paper: "Ahn et al., Variational Information Distillation for Knowledge Transfer, 2019"
  ) { VariationalInformation($0) }

  /// What a recipe can choose.
  public struct Options: Configurable {
    /// Pairs of taps, student first.
    public var taps: [TapPair] = .same("layer1", "layer2", "layer3")
    /// σ² before the first step.
    public var initialVariance = 5.0
    /// ε, the least variance.
    public var epsilon = 1e-5

    public init() {}

    public func validate(at node: ConfigurationNode) throws {
      try node.requireTaps(taps)
      try node.require("epsilon", epsilon, above: 0)
      try node.require("initialVariance", initialVariance, above: epsilon)
    }
  }

  public let name = "vid"
  private let options: Options
  private var estimates: [Estimate] = []

  public init(_ options: Options = Options()) { self.options = options }

  public var pairs: [TapPair] { options.taps }

  /// The negative logarithm of a Gaussian's density without its constant, averaged for each item, `[N]`.
  ///
  /// - Parameters:
  ///   - mean: `[N, C, …]`
  ///   - variance: of a shape that broadcasts to it
  public static func negativeLogDensity(of values: Tensor, mean: Tensor, variance: Tensor) throws -> Tensor {
    try ((values - mean).square() / variance + variance.log()).itemMeans() / 2
  }

  public func build(_ plan: TermPlan, _ random: RandomStreams) throws -> Module? {
    let generator = try random.stream("distillation.vid")
    let module = Module()
    estimates = try tapShapes(plan).map { try Estimate($0, options, generator) }
    for (index, estimate) in estimates.enumerated() { module.register("\(index)", estimate) }
    return module
  }

  public func values(_ sight: TermSight) throws -> TermValues {
    .items(
      try sum(
        zip(sight.pairs, estimates).map { pair, estimate in
          try Self.negativeLogDensity(
            of: pair.teacher, mean: estimate.mean(pair.student), variance: estimate.variance())
        }))
  }
}

/// What the student says about one value of the teacher.
private final class Estimate: Module {
  private let regressor: any Layer
  private let alpha: Parameter
  private let epsilon: Double
  private let teacher: [Int]

  init(_ shapes: TapShapes, _ options: VariationalInformation.Options, _ generator: Generator) throws {
    teacher = shapes.teacher
    epsilon = options.epsilon
    if teacher.count == 4 {
      try shapes.requireMaps()
      let widths = [shapes.student[1], teacher[1], teacher[1], teacher[1]]
      regressor = Sequential(
        try zip(widths, widths.dropFirst()).enumerated().flatMap { index, widths -> [any Layer] in
          let convolution = try Conv2d(widths.0, widths.1, kernel: 1, bias: false, generator)
          return index < 2 ? [convolution, Activation(.relu)] : [convolution]
        })
    } else {
      guard shapes.student.count == 2, teacher.count == 2 else {
        throw shapes.refused("it compares maps [N, C, H, W] with maps, or vectors [N, D] with vectors")
      }
      regressor = try Linear(shapes.student[1], teacher[1], generator)
    }
    alpha = Parameter(
      try Tensor.full([teacher[1]], log(expm1(options.initialVariance - options.epsilon))))
    super.init()
    register("regressor", regressor)
    register("alpha", alpha)
  }

  /// μ in the teacher's shape.
  func mean(_ student: Tensor) throws -> Tensor {
    guard teacher.count == 4 else { return try regressor(student) }
    return try regressor(Adapter.resized(student, to: Array(teacher[2...])))
  }

  /// σ² `[1, C, 1 …]`
  func variance() throws -> Tensor {
    try (alpha.value.softplus() + epsilon).reshape([1, -1] + [Int](repeating: 1, count: teacher.count - 2))
  }
}
