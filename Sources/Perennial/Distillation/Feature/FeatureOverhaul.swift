import Foundation
import Torch

/// A comprehensive overhaul of feature distillation (Heo et al. 2019): the student follows the teacher before the
/// activation, but for what the activation would throw away.
///
///     Σ_i 2^(i−n) d_p(max(t, m), r(s)),   d_p(t, s) = Σ { 0 where s ≤ t ≤ 0, (t − s)² elsewhere }   (eq. 3)
///
/// m is the mean of each channel's negative values. They are counted as the teacher shows them, so that it does not have
/// to end in batch normalisation; ``margin(mean:deviation:)`` has the paper's closed form. r is a 1×1 convolution with
/// batch normalisation. The sum over elements is large: the published weight is 0.001. By default the three stages of
/// residual networks for CIFAR.
public final class FeatureOverhaul: DistillationTerm {
  public static let card = TermCard(
    "ofd", .feature, summary: "Follows the teacher before activations, but for what those throw away.",
    formula: "Σ_i 2^(i−n) d_p(max(t, m), r(s)), m = E[t | t < 0], d_p = 0 where s ≤ t ≤ 0, else (t − s)²",
    paper: "Heo et al., A Comprehensive Overhaul of Feature Distillation, 2019"
  ) { FeatureOverhaul($0) }

  /// What a recipe can choose.
  public struct Options: Configurable {
    /// Pairs of taps before activations, student first, shallow ones first.
    public var taps: [TapPair] = .same(
      "layer1.preactivation", "layer2.preactivation", "layer3.preactivation")

    public init() {}

    public func validate(at node: ConfigurationNode) throws { try node.requireTaps(taps) }
  }

  public let name = "ofd"
  private let options: Options
  private var layers: [(connector: Adapter, margin: NegativeMean)] = []

  public init(_ options: Options = Options()) { self.options = options }

  public var pairs: [TapPair] { options.taps }

  /// The partial squared distance, summed for each item, `[N]`.
  ///
  /// - Parameters:
  ///   - student: values before the activation, `[N, …]`
  ///   - teacher: of the same shape
  public static func partialDistance(student: Tensor, teacher: Tensor) throws -> Tensor {
    let isFree = try (student .<= teacher).logicalAnd(teacher .<= 0)
    return try (teacher - student).maskedFill(isFree, 0).square().itemSums()
  }

  /// E[x | x < 0] for x ~ N(mean, deviation²), which are β and |γ| behind batch normalisation; −3 deviations, as published,
  /// for channels that are below 0 less than once in a thousand times.
  public static func margin(mean: Tensor, deviation: Tensor) throws -> Tensor {
    let ratio = try mean / deviation
    let share = try (1 - (ratio / 2.0.squareRoot()).erf()) / 2
    let density = try (ratio.square() * -0.5).exp() / (2 * Double.pi).squareRoot()
    return try Tensor.choose(share .> 0.001, mean - deviation * density / share, deviation * -3)
  }

  public func build(_ plan: TermPlan, _ random: RandomStreams) throws -> Module? {
    let generator = try random.stream("distillation.ofd")
    let module = Module()
    layers = try tapShapes(plan).map { shapes in
      guard shapes.teacher.count != 3 else { throw shapes.refused("it compares maps [N, C, H, W] or vectors") }
      let connector = try Adapter(shapes, style: .batchNorm, generator)
      return (connector, try NegativeMean(channels: shapes.teacher[1]))
    }
    for (index, layer) in layers.enumerated() {
      module.register("\(index).connector", layer.connector)
      module.register("\(index).margin", layer.margin)
    }
    return module
  }

  public func values(_ sight: TermSight) throws -> TermValues {
    .items(
      try sum(
        zip(sight.pairs, layers).enumerated().map { index, layer in
          let (pair, (connector, margin)) = layer
          let teacher = try pair.teacher.maximum(margin(pair.teacher))
          return try Self.partialDistance(student: connector(pair.student), teacher: teacher)
            * depthFactor(index)
        }))
  }
}

/// The mean of each channel's negative values, over all that was seen in training; 0 before there is one.
private final class NegativeMean: Module {
  let mean: Parameter
  let count: Parameter

  init(channels: Int) throws {
    mean = Parameter(try Tensor.zeros([channels]), kind: .buffer)
    count = Parameter(try Tensor.zeros([channels]), kind: .buffer)
    super.init()
    register("mean", mean)
    register("count", count)
  }

  /// Values `[N, C, …]` → means `[1, C, 1 …]`.
  func callAsFunction(_ values: Tensor) throws -> Tensor {
    if isTraining {
      try noGrad {
        let dims = [0] + Array(2..<Swift.max(values.rank, 2))
        let new = try (values .< 0).to(.float32).sum(dims)
        let total = try count.value + new
        let sum = try values.clamp(max: 0).sum(dims)
        try mean.value.add((sum - new * mean.value) / total.clamp(min: 1))
        try count.value.copy(from: total)
      }
    }
    return try mean.value.reshape([1, -1] + [Int](repeating: 1, count: values.rank - 2))
  }
}
