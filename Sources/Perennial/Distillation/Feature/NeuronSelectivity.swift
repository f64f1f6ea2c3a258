import Torch

/// Neuron selectivity transfer (Huang & Wang 2017): what the student's channels respond to is distributed as with the
/// teacher's.
///
///     MMD² = mean_cc' k(t_c, t_c') + mean_cc' k(s_c, s_c') − 2 mean_cc' k(s_c, t_c'),   k(x, y) = (xᵀy)²
///
/// with each channel's map as one sample of length 1. The published weight is 50. Maps of different sizes are averaged to
/// the smaller. By default the last stage of residual networks for CIFAR.
public final class NeuronSelectivity: DistillationTerm {
  public static let card = TermCard(
    "nst", .feature, summary: "Channels respond to the same places as the teacher's, as a distribution.",
    formula: "MMD²({s_c / ‖s_c‖}, {t_c / ‖t_c‖}) with k(x, y) = (xᵀy)²",
    paper: "Huang & Wang, Like What You Like: Knowledge Distill via Neuron Selectivity Transfer, 2017"
  ) { NeuronSelectivity($0) }

  /// What a recipe can choose.
  public struct Options: Configurable {
    /// Pairs of taps, student first.
    public var taps: [TapPair] = .same("layer3")

    public init() {}

    public func validate(at node: ConfigurationNode) throws { try node.requireTaps(taps) }
  }

  public let name = "nst"
  private let options: Options

  public init(_ options: Options = Options()) { self.options = options }

  public var pairs: [TapPair] { options.taps }

  /// The squared maximum mean discrepancy of channels `[N]`; no intermediate is larger than `[N, C, C']` or the maps.
  ///
  /// - Parameters:
  ///   - student: `[N, C_s, H, W]`
  ///   - teacher: `[N, C_t, H', W']`
  public static func discrepancy(student: Tensor, teacher: Tensor) throws -> Tensor {
    let (student, teacher) = try Adapter.commonSize(student, teacher)
    let (s, t) = (try student.flatten(from: 2).unit(2), try teacher.flatten(from: 2).unit(2))
    func kernel(_ a: Tensor, _ b: Tensor) throws -> Tensor {
      try a.batchedMatmul(b.T).square().mean([1, 2])
    }
    return try kernel(t, t) + kernel(s, s) - kernel(s, t) * 2
  }

  public func build(_ plan: TermPlan, _ random: RandomStreams) throws -> Module? {
    for shapes in try tapShapes(plan) { try shapes.requireMaps() }
    return nil
  }

  public func values(_ sight: TermSight) throws -> TermValues {
    .items(
      try sum(sight.pairs.map { try Self.discrepancy(student: $0.student, teacher: $0.teacher) }))
  }
}
