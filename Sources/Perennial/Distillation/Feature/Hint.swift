import Torch

/// Hints (FitNets, Romero et al. 2015): values in the middle of the student follow those of the teacher.
///
///     ‖r(F_s) − F_t‖² / D   or   1 − cos(r(F_s), F_t)
///
/// with a learned regressor r between the widths; D is the number of elements, so the paper's ½‖·‖² is D/2 times that.
/// RepDistiller's weight is 100, and its regressor ends in batch normalisation and a ReLU (`batch-norm-relu`). By default
/// the second stage of residual networks, the paper's middle layer.
public final class Hint: DistillationTerm {
  public static let card = TermCard(
    "hint", .feature, summary: "Values inside the student follow those of the teacher, through a regressor.",
    formula: "‖r(F_s) − F_t‖² / D, or 1 − cos(r(F_s), F_t)",
    paper: "Romero et al., FitNets: Hints for Thin Deep Nets, 2015"
  ) { Hint($0) }

  /// How far two values are apart.
  public enum Distance: String, CaseIterable, Codable, Sendable {
    /// The mean of squared differences.
    case euclidean
    /// 1 − the cosine of the angle between channels, averaged over positions.
    case cosine

    /// - Parameters:
    ///   - student: `[N, D]`, `[N, L, D]` or `[N, C, H, W]`
    ///   - teacher: of the same shape
    /// - Returns: `[N]`
    public func callAsFunction(student: Tensor, teacher: Tensor) throws -> Tensor {
      switch self {
      case .euclidean: return try student.meanSquaredError(teacher, reduction: .none).itemMeans()
      case .cosine:
        let cosines = try student.cosineSimilarity(teacher, dim: student.rank == 3 ? 2 : 1)
        return try 1 - (cosines.rank == 1 ? cosines : cosines.itemMeans())
      }
    }
  }

  /// What a recipe can choose.
  public struct Options: Configurable {
    /// Pairs of taps, student first.
    public var taps: [TapPair] = .same("layer2")
    public var distance = Distance.euclidean
    /// What leads from the student's width to the teacher's.
    public var regressor = Adapter.Style.linear

    public init() {}

    public func validate(at node: ConfigurationNode) throws { try node.requireTaps(taps) }
  }

  public let name = "hint"
  private let options: Options
  private var regressors: [Adapter] = []

  public init(_ options: Options = Options()) { self.options = options }

  public var pairs: [TapPair] { options.taps }

  public func build(_ plan: TermPlan, _ random: RandomStreams) throws -> Module? {
    let generator = try random.stream("distillation.hint")
    regressors = try tapShapes(plan).map { try Adapter($0, style: options.regressor, generator) }
    return Sequential(regressors)
  }

  public func values(_ sight: TermSight) throws -> TermValues {
    .items(
      try sum(
        zip(sight.pairs, regressors).map { pair, regressor in
          try options.distance(student: regressor(pair.student), teacher: pair.teacher)
        }))
  }
}
