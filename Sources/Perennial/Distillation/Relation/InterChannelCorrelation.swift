import Torch

/// Inter-channel correlation, ICKD-C (Liu et al. 2021): channels that respond alike for the teacher respond alike for the
/// student.
///
///     ‖G_s − G_t‖² / C,   G = F Fᵀ of each item, rows at length 1
///
/// A 1×1 convolution with batch normalisation brings the student to the teacher's channels where they differ; maps may
/// differ in size. The formula is that of the paper's code.
/// By default the last stage of residual networks for CIFAR.
public final class InterChannelCorrelation: DistillationTerm {
  public static let card = TermCard(
    "ickd", .relation, summary: "Channels respond alike where the teacher's do.",
    formula: "‖G_s − G_t‖² / C, G = F Fᵀ with rows at length 1",
    paper:
      "Liu et al., Exploring Inter-Channel Correlation for Diversity-preserved Knowledge Distillation, 2021"
  ) { InterChannelCorrelation($0) }

  /// What a recipe can choose.
  public struct Options: Configurable {
    /// Pairs of taps, student first.
    public var taps: [TapPair] = .same("layer3")

    public init() {}

    public func validate(at node: ConfigurationNode) throws { try node.requireTaps(taps) }
  }

  public let name = "ickd"
  private let options: Options
  private var connectors: [Sequential] = []

  public init(_ options: Options = Options()) { self.options = options }

  public var pairs: [TapPair] { options.taps }

  public func build(_ plan: TermPlan, _ random: RandomStreams) throws -> Module? {
    let generator = try random.stream("distillation.ickd")
    connectors = try tapShapes(plan).map { shapes in
      try shapes.requireMaps()
      let (student, teacher) = (shapes.student[1], shapes.teacher[1])
      guard student != teacher else { return Sequential([]) }
      return Sequential([
        try Conv2d(student, teacher, kernel: 1, bias: false, generator), try BatchNorm(teacher),
      ])
    }
    return Sequential(connectors)
  }

  public func values(_ sight: TermSight) throws -> TermValues {
    .items(
      try sum(
        zip(connectors, sight.pairs).map { connector, pair in
          try RelationDistillation.interChannelDistance(
            student: connector(pair.student.asStudent()), teacher: pair.teacher)
        }))
  }
}
