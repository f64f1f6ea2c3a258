import Torch

/// Context-dependent gating, XdG (Masse, Grant & Freedman 2018).
///
///     h_i ← g_i(t) ⊙ h_i,   g_i(t) ∈ {0, 1} fixed at random, a fraction X of each hidden layer 0
///
/// Each task learns with its own random subset of hidden units; subsets overlap, so the paper combines it with a
/// weight penalty. X = 0.8.
public final class ContextGating: Strategy {
  public static let card = StrategyCard(
    "xdg", .isolation, summary: "Each task uses its own random subset of the hidden units.",
    formula: "h_i ← g_i(t) ⊙ h_i,   g_i(t) fixed, a fraction X of its entries 0",
    use: "Tasks are told: next to no cost, and it goes with every weight penalty.",
    avoid: "Tasks are not told in use, or the network has few units.",
    cost: "One product a hidden layer; nothing to keep.",
    paper: "Masse et al., Alleviating catastrophic forgetting using context-dependent gating, 2018"
  ) { ContextGating($0) }

  /// What a recipe can choose.
  public struct Options: Configurable {
    /// The fraction of the units that a task does without, X.
    public var fraction = 0.8

    public init() {}

    public func validate(at node: ConfigurationNode) throws {
      try node.require("fraction", fraction, in: 0..<1)
    }
  }

  public let name = "xdg"
  public var seesBatch: Bool { false }
  public let options: Options

  public init(_ options: Options = Options()) { self.options = options }

  public func check(_ facts: StreamFacts) throws {
    try facts.requireTasks(name)
    try facts.requireOneTaskAtATime(name)
  }

  public func extend(_ network: Network, _ random: RandomStreams) throws { try network.requireGates(name) }

  public var answersBeyondModel: Bool { true }

  public func select(task: Int?, _ learner: Learner) throws {
    for (index, stage) in learner.model.backbone.stages.enumerated() {
      stage.gate.values = try task.map {
        try gate(stage.width, stage: index, task: $0, seed: learner.random.seed).to(learner.device)
      }
    }
  }

  /// The gate `[width]` of a stage: a function of seed, task and place alone, so that nothing needs keeping.
  func gate(_ width: Int, stage: Int, task: Int, seed: UInt64) throws -> Tensor {
    guard options.fraction > 0 else { return try Tensor.ones([width]) }
    let random = try RandomStreams(seed: seed).stream("xdg/\(task)/\(stage)")
    let closed = min(Int((options.fraction * Double(width)).rounded()), width - 1)
    let order = try Tensor.permutation(width, random)
    return try (order .>= closed).to(.float32)
  }
}
