import Torch

/// Probabilistic knowledge transfer, PKT (Passalis & Tefas 2018): how probable it is that one item is another's neighbour
/// is as for the teacher.
///
///     mean_ij p_ij log(p_ij / q_ij),   p_ij ∝ (cos(t_i, t_j) + 1) / 2,   q_ij ∝ (cos(s_i, s_j) + 1) / 2
///
/// with p and q of sum 1 in each row. The mean over all pairs is that of the authors' code, for which 30 000 is the
/// published weight; a divergence proper is the sum over each row, N times that: `pairs: sum`.
public final class ProbabilisticTransfer: BatchRelation {
  public static let card = TermCard(
    "pkt", .relation,
    summary: "Items have the neighbours that they have for the teacher, with their probabilities.",
    formula: "mean_ij p_ij log(p_ij / q_ij), p_ij ∝ (cos(t_i, t_j) + 1) / 2, q_ij ∝ (cos(s_i, s_j) + 1) / 2",
    paper: "Passalis & Tefas, Learning Deep Representations with Probabilistic Knowledge Transfer, 2018"
  ) { ProbabilisticTransfer($0) }

  /// What a recipe can choose.
  public struct Options: Configurable {
    /// Pairs of taps, student first.
    public var taps: [TapPair] = .same("features")
    /// The mean or the sum over the pairs of each item.
    public var pairs = ResponseDistillation.Elements.mean

    public init() {}

    public func validate(at node: ConfigurationNode) throws { try node.requireTaps(taps) }
  }

  public let name = "pkt"
  private let options: Options

  public init(_ options: Options = Options()) { self.options = options }

  public var pairs: [TapPair] { options.taps }

  public func distance(student: Tensor, teacher: Tensor) throws -> Tensor {
    let divergences = try RelationDistillation.neighbourDivergences(student: student, teacher: teacher)
    return try (options.pairs == .mean ? divergences.mean([1]) : divergences.sum([1])).mean()
  }
}
