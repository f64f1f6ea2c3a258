import Torch

/// Activation boundaries (Heo et al. 2019): the student's neurons are active where the teacher's are, by a margin.
///
///     Σ_i 2^(i−n) ‖ ρ(t) ⊙ [μ − r(s)]₊ + (1 − ρ(t)) ⊙ [μ + r(s)]₊ ‖²,   ρ(t) = 1 where t > 0   (eq. 6)
///
/// over values before the activation, with a 1×1 convolution and batch normalisation as r. The sum over elements is large:
/// published weights are around 0.003, in a phase of its own before the labels. By default the three stages of residual
/// networks for CIFAR.
public final class ActivationBoundaries: DistillationTerm {
  public static let card = TermCard(
    "ab", .feature, summary: "Neurons are active where the teacher's are, by a margin.",
    formula: "Σ_i 2^(i−n) ‖ρ(t) [μ − r(s)]₊ + (1 − ρ(t)) [μ + r(s)]₊‖² before activations",
    paper:
      "Heo et al., Knowledge Transfer via Distillation of Activation Boundaries Formed by Hidden Neurons, 2019"
  ) { ActivationBoundaries($0) }

  /// What a recipe can choose.
  public struct Options: Configurable {
    /// Pairs of taps before activations, student first, shallow ones first.
    public var taps: [TapPair] = .same(
      "layer1.preactivation", "layer2.preactivation", "layer3.preactivation")
    /// μ
    public var margin = 1.0

    public init() {}

    public func validate(at node: ConfigurationNode) throws {
      try node.requireTaps(taps)
      try node.require("margin", margin, above: 0)
    }
  }

  public let name = "ab"
  private let options: Options
  private var connectors: [Adapter] = []

  public init(_ options: Options = Options()) { self.options = options }

  public var pairs: [TapPair] { options.taps }

  /// Squared shortfalls of the student from the right side of the boundary, summed for each item, `[N]`.
  ///
  /// - Parameters:
  ///   - student: values before the activation, `[N, …]`
  ///   - teacher: of the same shape
  public static func distance(student: Tensor, teacher: Tensor, margin: Double = 1) throws -> Tensor {
    let shortfall = try Tensor.choose(teacher .> 0, margin - student, margin + student)
    return try shortfall.relu().square().itemSums()
  }

  public func build(_ plan: TermPlan, _ random: RandomStreams) throws -> Module? {
    let generator = try random.stream("distillation.ab")
    connectors = try tapShapes(plan).map { try Adapter($0, style: .batchNorm, generator) }
    return Sequential(connectors)
  }

  public func values(_ sight: TermSight) throws -> TermValues {
    .items(
      try sum(
        zip(sight.pairs, connectors).enumerated().map { index, layer in
          let student = try layer.1(layer.0.student)
          return try Self.distance(student: student, teacher: layer.0.teacher, margin: options.margin)
            * depthFactor(index)
        }))
  }
}
