import Torch

/// Progressive neural networks (Rusu et al. 2016, eqs. 1 and 2).
///
///     h_i^k = σ(W_i^k h_{i−1}^k + U_i^k σ(V_i^k α_i^k ⊙ h_{i−1}^{<k}))
///
/// Each task gets a column of its own, a fresh backbone; columns of earlier tasks are frozen and give the outputs of
/// their hidden layers to later ones, through adapters with a learned factor α for each earlier column. Every layer
/// behind the first hidden one has an adapter, the head too; raw inputs have none. See ``ProgressiveColumns``.
public final class ProgressiveNetworks: Strategy {
  public static let card = StrategyCard(
    "progressive", .architecture, summary: "A new column a task, fed by the frozen columns of earlier tasks.",
    formula: "h_i^k = σ(W h_{i−1}^k + U σ(V α ⊙ h_{i−1}^{<k}))",
    use: "Few tasks, told, that help each other: forgetting is exactly 0 and transfer is learned.",
    avoid: "Many tasks: the model grows with their number, its adapters with the square.",
    cost: "Forward passes through all earlier columns a step; a column and its adapters a task.",
    paper: "Rusu et al., Progressive Neural Networks, 2016"
  ) { ProgressiveNetworks($0) }

  /// What a recipe can choose.
  public struct Options: Configurable {
    /// The most units that V projects earlier columns to; as wide as the layer when nil.
    public var adapter: Int?
    /// α is drawn from U(0, α_0).
    public var alpha = 0.1

    public init() {}

    public func validate(at node: ConfigurationNode) throws {
      try node.require("adapter", adapter, atLeast: 1)
      try node.require("alpha", alpha, above: 0)
    }
  }

  public let name = "progressive"
  public var seesBatch: Bool { false }
  public let options: Options
  private var order = TaskOrder()
  private var held = HeldWeights()

  public init(_ options: Options = Options()) { self.options = options }

  public func check(_ facts: StreamFacts) throws {
    try facts.requireTasks(name)
    try facts.requireOneTaskAtATime(name)
    try facts.refuse(
      [
        "packnet": "columns are isolated already", "hat": "columns are isolated already",
        "xdg": "columns have no common units to gate",
        "den": "both decide how the model grows",
      ], beside: name)
  }

  public func rebuild(
    _ network: Network, _ random: RandomStreams, fresh: @escaping (RandomStreams) throws -> Network
  ) throws -> Network {
    guard network.head is LinearHead else {
      throw StrategyError.model(
        name, "needs `head: linear`, which it makes wider for the adapters of the head")
    }
    let columns = try ProgressiveColumns(network.backbone, options: options, random) {
      try fresh(random).backbone
    }
    let head = try LinearHead(features: columns.featureCount, random.stream("head"))
    return Network(columns, head: head, headName: network.headName)
  }

  public func begin(_ experience: Experience, _ learner: Learner) throws {
    let place = order.admit(try experience.requireTask(name))
    guard let columns = learner.model.backbone as? ProgressiveColumns, place > 0 else { return }
    if place >= columns.count {
      try columns.add()
      try learner.parametersChanged()
    }
    try held.hold(
      learner.vector.headRows(before: learner.session?.previousOutputs ?? 0), of: learner.vector)
  }

  public var answersBeyondModel: Bool { true }

  public func select(task: Int?, _ learner: Learner) throws {
    (learner.model.backbone as? ProgressiveColumns)?.selected = order.place(of: task)
  }

  public func transform(_ vector: ParameterVector, _ step: Step) throws { try held.zeroGradients(of: vector) }

  public func observe(_ step: Step) throws { try held.putBack(into: step.learner.vector) }

  public func state() throws -> State {
    var state = State()
    state["tasks"] = order
    state.set(try held.state(), under: "held")
    return state
  }

  public func restore(_ state: State, _ learner: Learner, past: (Int) throws -> Experience) throws {
    order = try state.require("tasks")
    held = try HeldWeights(state.scoped("held"), device: learner.device)
  }
}
