import Torch

/// Flow of solution procedure, FSP (Yim et al. 2017): how one layer leads to the next is as in the teacher.
///
///     Σ_i ‖G_s,i − G_t,i‖²,   G_i = F_i F_{i+1}ᵀ / (H W)   (eq. 1, 2)
///
/// between the channels of each tap and the next, so at least two pairs of taps are needed, and the same channels in both
/// models. Maps of different sizes are averaged to the smaller. The published code of RepDistiller takes the mean over the
/// elements of G, with a weight of 50: `elements: mean`. By default the three stages of residual networks for CIFAR.
public final class SolutionFlow: DistillationTerm {
  public static let card = TermCard(
    "fsp", .relation, summary: "How one layer leads to the next is as in the teacher.",
    formula: "Σ_i ‖G_s,i − G_t,i‖², G_i = F_i F_{i+1}ᵀ / (H W)",
    paper:
      "Yim et al., A Gift from Knowledge Distillation: Fast Optimization, Network Minimization and Transfer "
      + "Learning, 2017"
  ) { SolutionFlow($0) }

  /// What a recipe can choose.
  public struct Options: Configurable {
    /// Pairs of taps, student first, shallow ones first.
    public var taps: [TapPair] = .same("layer1", "layer2", "layer3")
    /// The sum or the mean over the elements of G.
    public var elements = ResponseDistillation.Elements.sum

    public init() {}

    public func validate(at node: ConfigurationNode) throws {
      guard taps.count >= 2 else {
        throw node.error(at: "taps", "must name at least two pairs of taps, found \(taps.count)")
      }
    }
  }

  public let name = "fsp"
  private let options: Options

  public init(_ options: Options = Options()) { self.options = options }

  public var pairs: [TapPair] { options.taps }

  public func build(_ plan: TermPlan, _ random: RandomStreams) throws -> Module? {
    for shapes in try tapShapes(plan) {
      try shapes.requireMaps()
      guard shapes.student[1] == shapes.teacher[1] else {
        throw shapes.refused("flows are compared between layers of as many channels")
      }
    }
    return nil
  }

  public func values(_ sight: TermSight) throws -> TermValues {
    .items(
      try sum(
        zip(sight.pairs, sight.pairs.dropFirst()).map { first, second in
          let difference =
            try RelationDistillation.solutionFlow(
              from: first.student.asStudent(), to: second.student.asStudent())
            - RelationDistillation.solutionFlow(
              from: first.teacher.asTeacher(), to: second.teacher.asTeacher())
          return try options.elements == .sum
            ? difference.square().sum([1, 2]) : difference.square().mean([1, 2])
        }))
  }
}
