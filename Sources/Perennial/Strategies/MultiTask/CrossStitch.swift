import Torch

/// Cross-stitch units (Misra et al. 2016): one backbone a task, and after every layer each task mixes the outputs of all.
///
///     x̃_a = Σ_b α_ab x_b,   α learned with the rest, α_aa = 0.9 at the start and 0.1 shared by the others
///
/// one α a layer and pair of tasks. Beside `joint` or `cumulative` all backbones and units learn at once. Where tasks come
/// one by one, only the backbone and the units of the task at hand learn, and earlier tasks do not see later backbones, so
/// that backbones forget nothing (an optimizer with momentum may still move the head's old rows). A new backbone starts as a copy of the one before.
public final class CrossStitch: Strategy {
  public static let card = StrategyCard(
    "cross-stitch", .transfer,
    summary: "One backbone a task; after every layer each task mixes the outputs of all.",
    formula: "x̃_a = Σ_b α_ab x_b after every layer, α learned",
    use: "Tasks are told and related, and how much to share is not known.",
    avoid: "Tasks are many: every item goes through all backbones.",
    cost: "A backbone a task, in memory and in time.",
    paper: "Misra et al., Cross-stitch Networks for Multi-task Learning, 2016"
  ) { CrossStitch($0) }

  /// What a recipe can choose.
  public struct Options: Configurable {
    /// α of a task's own backbone at the start.
    public var own = 0.9

    public init() {}

    public func validate(at node: ConfigurationNode) throws { try node.require("own", own, in: 0...1) }
  }

  public let name = "cross-stitch"
  public let options: Options

  public init(_ options: Options = Options()) { self.options = options }

  public func check(_ facts: StreamFacts) throws {
    try TaskColumns.check(facts, name)
    try facts.refuse(["soft-sharing": "both make a backbone a task"], beside: name)
  }

  public func rebuild(
    _ network: Network, _ random: RandomStreams, fresh: @escaping (RandomStreams) throws -> Network
  ) throws -> Network { try TaskColumns.rebuilt(network, ownShare: options.own, fresh: fresh) }

  public func begin(_ experience: Experience, _ learner: Learner) throws { try TaskColumns.prepare(learner) }

  public var answersBeyondModel: Bool { true }

  public func select(task: Int?, _ learner: Learner) throws { TaskColumns.select(task, nil, learner) }

  public func rehearse(_ batch: Batch, _ learner: Learner) throws -> Batch {
    TaskColumns.select(batch.task, batch.tasks, learner)
    return batch
  }
}
