import Torch

/// Attention transfer (Zagoruyko & Komodakis 2017): the student looks where the teacher looks.
///
///     Q = Σ_c F_c²,   ‖ Q_s / ‖Q_s‖₂ − Q_t / ‖Q_t‖₂ ‖₂   (eq. 2)
///
/// The published code takes the mean of the squared difference instead, with a weight of 1000: `mean-squared`. Maps of
/// different sizes are averaged to the smaller. By default the three stages of residual networks for CIFAR.
public final class AttentionTransfer: DistillationTerm {
  public static let card = TermCard(
    "at", .feature, summary: "The student looks where the teacher looks.",
    formula: "‖Q_s / ‖Q_s‖ − Q_t / ‖Q_t‖‖ with Q = Σ_c F_c²",
    paper:
      "Zagoruyko & Komodakis, Paying More Attention to Attention: Improving the Performance of CNNs via "
      + "Attention Transfer, 2017"
  ) { AttentionTransfer($0) }

  /// How far two attention maps are apart.
  public enum Distance: String, CaseIterable, Codable, Sendable {
    /// The length of their difference.
    case norm
    /// The mean of its squares.
    case meanSquared = "mean-squared"
  }

  /// What a recipe can choose.
  public struct Options: Configurable {
    /// Pairs of taps, student first.
    public var taps: [TapPair] = .same("layer1", "layer2", "layer3")
    public var distance = Distance.norm

    public init() {}

    public func validate(at node: ConfigurationNode) throws { try node.requireTaps(taps) }
  }

  public let name = "at"
  private let options: Options

  public init(_ options: Options = Options()) { self.options = options }

  public var pairs: [TapPair] { options.taps }

  /// Where a map `[N, C, H, W]` is strong: sums of squares over channels, of length 1, `[N, H · W]`.
  public static func attention(_ map: Tensor) throws -> Tensor {
    try map.square().sum([1]).flatten(from: 1).unit(1)
  }

  /// - Parameters:
  ///   - student: `[N, C_s, H, W]`
  ///   - teacher: `[N, C_t, H', W']`
  /// - Returns: `[N]`
  public static func distance(student: Tensor, teacher: Tensor, _ distance: Distance = .norm) throws -> Tensor
  {
    let (student, teacher) = try Adapter.commonSize(student, teacher)
    let difference = try attention(student) - attention(teacher)
    return distance == .norm ? try difference.norm([1]) : try difference.square().mean([1])
  }

  public func build(_ plan: TermPlan, _ random: RandomStreams) throws -> Module? {
    for shapes in try tapShapes(plan) { try shapes.requireMaps() }
    return nil
  }

  public func values(_ sight: TermSight) throws -> TermValues {
    .items(
      try sum(
        sight.pairs.map {
          try Self.distance(student: $0.student, teacher: $0.teacher, options.distance)
        }))
  }
}
