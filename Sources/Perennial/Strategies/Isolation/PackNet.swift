import Torch

/// PackNet (Mallya & Lazebnik 2018, section 3).
///
/// Each task trains all weights that are still free; then, in each layer, the fraction p of *its own* weights with the
/// smallest |w| is set to 0, the survivors are trained on for a share of the steps, and the pruned weights are free for
/// the tasks to come:
///
///     owner(w) = t   or   free,       in use for task t:  w · [owner(w) ≤ t]
///
/// Biases, normalisation and its running statistics learn with the first task only; the head's rows belong to the task
/// that brought them. What is owned cannot move, whatever the optimizer remembers (see ``HeldWeights``), so old tasks
/// are answered with the same bits for ever. p = 0.75 for several tasks (the paper: 0.5 and 0.75), a third of the steps
/// after pruning (the paper: half as many epochs as before).
public final class PackNet: Strategy {
  public static let card = StrategyCard(
    "packnet", .isolation, summary: "Prunes after each task and gives the freed weights to the next one.",
    formula: "keep the 1 − p largest |w| of the task's own weights a layer; in use w · [owner(w) ≤ t]",
    use: "Tasks are told and none may lose anything: forgetting is exactly 0 and the model does not grow.",
    avoid: "More tasks than the weights last for: every task takes the fraction 1 − p of what is free.",
    cost: "A third of the steps after pruning; one owner a weight.",
    paper: "Mallya & Lazebnik, PackNet: Adding multiple tasks to a single network by iterative pruning, 2018"
  ) { PackNet($0) }

  /// What a recipe can choose.
  public struct Options: Configurable {
    /// The fraction of a task's own weights that is pruned, p.
    public var prune = 0.75
    /// The share of the steps that comes after pruning.
    public var retrain = 1.0 / 3

    public init() {}

    public func validate(at node: ConfigurationNode) throws {
      try node.require("prune", prune, in: 0..<1)
      try node.require("retrain", retrain, in: 0..<1)
    }
  }

  public let name = "packnet"
  public var seesBatch: Bool { false }
  public let options: Options
  private var order = TaskOrder()
  /// 0 for free weights, else the owner's place + 1.
  private var owners: CarriedVector?
  private var held = HeldWeights()
  /// All weights, while only those of an earlier task are in place.
  private var complete: Tensor?

  public init(_ options: Options = Options()) { self.options = options }

  public func check(_ facts: StreamFacts) throws {
    try facts.requireTasks(name)
    try facts.requireOneTaskAtATime(name)
  }

  public func begin(_ experience: Experience, _ learner: Learner) throws {
    let number = order.admit(try experience.requireTask(name)) + 1
    let vector = learner.vector
    let before =
      try owners?.tensor(in: vector.layout)
      ?? Tensor.zeros([vector.count], dtype: .int16, device: learner.device)
    let current = try vector.map(.int16) { slot, parameter in
      let owner = try vector.layout.view(slot, of: before)
      return Self.isShared(parameter) ? try owner.maskedFill(owner .== 0, number) : owner
    }
    owners = CarriedVector(current, vector.layout)
    if number > 1 {
      learner.model.freezeStatistics()
      try hold(current, of: vector, learner.session)
    }
  }

  /// Holds what is not the current task's: other owners' weights, and after the first task what has no owner.
  private func hold(_ owners: Tensor, of vector: ParameterVector, _ session: Session?) throws {
    let number = order.count
    let isFixed = try vector.map { slot, parameter in
      Self.isShared(parameter)
        ? try vector.layout.view(slot, of: owners) .!= number
        : try Tensor([parameter.kind != .head && number > 1], shape: [])
    }
    try held.hold(isFixed.logicalOr(vector.headRows(before: session?.previousOutputs ?? 0)), of: vector)
  }

  public func transform(_ vector: ParameterVector, _ step: Step) throws { try held.zeroGradients(of: vector) }

  public func observe(_ step: Step) throws {
    let vector = step.learner.vector
    try held.putBack(into: vector)
    let after = Int((options.retrain * Double(step.session.steps)).rounded())
    if step.number + 1 == max(step.session.steps - after, 1) { try prune(vector, step.session) }
  }

  /// Frees the smallest of the current task's own weights.
  private func prune(_ vector: ParameterVector, _ session: Session) throws {
    guard let owners = try owners?.tensor(in: vector.layout) else { return }
    try noGrad {
      for (slot, parameter) in zip(vector.layout.slots, vector.parameters) where Self.isShared(parameter) {
        let owner = try vector.layout.view(slot, of: owners)
        let values = try vector.layout.view(slot, of: vector.values)
        let goes = try Self.pruned(values, isOwn: owner .== order.count, fraction: options.prune)
        try owner.copy(from: owner.maskedFill(goes, 0))
        try values.copy(from: values.maskedFill(goes, 0))
      }
    }
    try hold(owners, of: vector, session)
  }

  /// Which weights of a layer go: those of the task's own with |w| up to the cut-off below which the fraction lies.
  static func pruned(_ weights: Tensor, isOwn: Tensor, fraction: Double) throws -> Tensor {
    let sizes = try weights.abs()
    let own = try sizes.maskedSelect(isOwn).sorted().values
    let count = Int((fraction * Double(own.count)).rounded())
    guard count > 0 else { return try Tensor.zeros(weights.shape, dtype: .bool, device: weights.device) }
    return try isOwn.logicalAnd(sizes .<= own.select(count - 1, dim: 0))
  }

  public var answersBeyondModel: Bool { true }

  public func select(task: Int?, _ learner: Learner) throws {
    let vector = learner.vector
    if let complete {
      try noGrad { try vector.values.copy(from: complete) }
      self.complete = nil
    }
    guard let place = order.place(of: task), place + 1 < order.count,
      let owners = try owners?.tensor(in: vector.layout)
    else { return }
    complete = try vector.snapshot()
    try noGrad { try vector.values.copy(from: vector.values.maskedFill(owners .> place + 1, 0)) }
  }

  /// The weights that tasks share out: matrices and kernels below the head.
  private static func isShared(_ parameter: Parameter) -> Bool {
    parameter.kind == .weight && parameter.value.rank > 1
  }

  public func state() throws -> State {
    var state = State()
    state["tasks"] = order
    if let owners { state.set(try owners.state(), under: "owners") }
    state.set(try held.state(), under: "held")
    return state
  }

  public func restore(_ state: State, _ learner: Learner, past: (Int) throws -> Experience) throws {
    order = try state.require("tasks")
    owners = try CarriedVector(state.scoped("owners"), device: learner.device)
    held = try HeldWeights(state.scoped("held"), device: learner.device)
    complete = nil
    if order.count > 1 { learner.model.freezeStatistics() }
  }
}
