import Torch

/// Dynamically expandable networks, DEN (Yoon, Yang, Lee & Hwang 2018, algorithms 1 to 4).
///
/// The first task trains with L1. Each later task goes through four phases, as shares of its steps:
///
/// 1. *Selection*: only the new outputs learn, with L1. What their non-zero weights reach, from every one of them down
///    through non-zero weights, is the task's part of the network.
/// 2. *Selective retraining* of that part, with L2.
/// 3. *Expansion*, where the loss still exceeds τ: k units more in each hidden layer, which alone learn, under the group
///    lasso Σ ‖w_i‖₂; units that it leaves without weights go again.
/// 4. *Split*: of the old units, those with the largest drift ‖w_i − w_i^{t−1}‖₂ > σ are restored, and copies with the
///    new weights added; then the part learns on, with the drift regularised by λ_d ‖w − w^{t−1}‖².
///
/// Units carry the task that made them, and a task uses the units that existed when it was learned. Growth preserves the
/// function: weights out of new units start at 0. Defaults are the authors' for 784-312-128-10: k = 10, τ = 0.01,
/// σ = 0.05, L1 1e-5, L2 1e-4, group lasso 1e-3, drift 0.5, weights below 1e-4 count as 0.
public final class ExpandableNetworks: Strategy {
  public static let card = StrategyCard(
    "den", .architecture,
    summary: "Retrains what a task reaches, adds units where that does not do, splits drifted ones.",
    formula: "L + μ‖w_new‖₁;  L + μ‖w_part‖²;  L + γ Σ ‖w_i‖₂ of new units;  split where ‖w_i − w_i^t−1‖ > σ",
    use: "Tasks are told, and the model may grow, but less than by a column a task.",
    avoid: "Old tasks must lose nothing at all: what several tasks share does drift.",
    cost: "A copy of the weights; up to k units a layer and task, as many again for splits.",
    paper: "Yoon et al., Lifelong Learning with Dynamically Expandable Networks, 2018"
  ) { ExpandableNetworks($0) }

  /// What a recipe can choose.
  public struct Options: Configurable {
    /// Units added to each hidden layer, k; also the most that are split.
    public var units = 10
    /// The loss above which the network expands, τ.
    public var lossThreshold = 0.01
    /// The drift above which a unit is split, σ.
    public var splitThreshold = 0.05
    public var l1 = 1e-5
    public var l2 = 1e-4
    public var groupLasso = 1e-3
    /// λ_d.
    public var drift = 0.5

    public init() {}

    public func validate(at node: ConfigurationNode) throws {
      try node.require("units", units, atLeast: 1)
      try node.require("loss_threshold", lossThreshold, atLeast: 0)
      try node.require("split_threshold", splitThreshold, atLeast: 0)
      try node.require("l1", l1, atLeast: 0)
      try node.require("l2", l2, atLeast: 0)
      try node.require("group_lasso", groupLasso, atLeast: 0)
      try node.require("drift", drift, atLeast: 0)
    }
  }

  /// What learns.
  enum Phase: Int, Codable { case first, selection, retraining, expansion, split }

  /// The smallest size of a weight that counts as one.
  static let smallest = 1e-4
  /// Shares of the steps after which the phases end.
  private static let shares = [0.1, 0.5, 0.8]
  private static let recentSteps = 10

  public let name = "den"
  public let options: Options
  private var order = TaskOrder()
  private var phase = Phase.first
  private var held = HeldWeights()
  /// All weights when the task began.
  private var previous: CarriedVector?
  /// Units of each layer when the task began, and which of them it reaches, bool.
  private var oldWidths: [Int] = []
  private var reached: [Tensor] = []
  private var recentLosses: [Double] = []

  public init(_ options: Options = Options()) { self.options = options }

  public func check(_ facts: StreamFacts) throws {
    try facts.requireTasks(name)
    try facts.requireOneTaskAtATime(name)
    try facts.refuse(
      [
        "packnet": "its owners do not follow units that go",
        "hat": "its embeddings do not follow units that go",
        "xdg": "gates of a fixed width do not fit",
      ], beside: name)
  }

  public func extend(_ network: Network, _ random: RandomStreams) throws {
    try network.requireStageWeights(name)
    let stages = network.backbone.stages
    guard let head = network.head as? LinearHead, stages.allSatisfy({ $0.weight?.value.rank == 2 }),
      !network.modules.contains(where: { $0 is BatchNorm || $0 is LayerNorm || $0 is GroupNorm })
    else {
      throw StrategyError.model(
        name, "grows linear layers without normalisation only: use `mlp` and `head: linear`")
    }
    network.register(name, try GrowingLayers(stages, head))
  }

  public func begin(_ experience: Experience, _ learner: Learner) throws {
    let place = order.admit(try experience.requireTask(name))
    phase = place == 0 ? .first : .selection
    recentLosses = []
    guard place > 0 else { return }
    previous = CarriedVector(try learner.vector.snapshot(), learner.vector.layout)
    let layers = try self.layers(learner)
    oldWidths = layers.widths
    reached = []
    try hold(learner)
  }

  public var answersBeyondModel: Bool { true }

  public func select(task: Int?, _ learner: Learner) throws {
    let place = order.place(of: task)
    let layers = try self.layers(learner)
    for (stage, stamps) in zip(learner.model.backbone.stages, layers.stamps) {
      stage.gate.values = try place.map { try (stamps.value .<= $0).to(.float32) }
    }
  }

  public func transform(_ vector: ParameterVector, _ step: Step) throws {
    try noGrad {
      let isSparse = phase == .first || phase == .selection
      let pull = isSparse ? try vector.values.sign() * options.l1 : try vector.values * options.l2
      try vector.gradients.add(pull)
      if phase == .split, let previous = try previous?.tensor(in: vector.layout) {
        let drift = try (vector.values - previous) * isOld(step.learner)
        try vector.gradients.add(drift, scale: 2 * options.drift)
      }
      if phase == .expansion { try addGroupLasso(step.learner) }
    }
    try held.zeroGradients(of: vector)
  }

  /// γ w_i / ‖w_i‖ on the weights into each new unit.
  private func addGroupLasso(_ learner: Learner) throws {
    for (weight, old) in zip(try layers(learner).weights, oldWidths) {
      let new = weight.value.shape[0] - old
      guard new > 0, let gradient = try weight.value.gradient else { continue }
      let direction = try weight.value.detach().narrow(dim: 0, start: old, count: new).unitRows()
      try gradient.narrow(dim: 0, start: old, count: new).add(direction, scale: options.groupLasso)
    }
  }

  public func observe(_ step: Step) throws {
    let learner = step.learner
    try held.putBack(into: learner.vector)
    guard phase != .first else { return }
    recentLosses = try recentLosses.suffix(Self.recentSteps - 1) + [step.terms[0].value.item()]
    let done = step.number + 1
    let ends = Self.shares.map { max(1, Int((Double(step.session.steps) * $0).rounded())) }
    if done == ends[0] { try endSelection(learner) }
    if done == ends[1] { try endRetraining(learner) }
    if done == ends[2] { try endExpansion(learner) }
  }

  public func end(_ experience: Experience, _ learner: Learner) throws { try zeroSmall(learner) }

  private func layers(_ learner: Learner) throws -> GrowingLayers { try learner.model.attached(name) }

  private func endSelection(_ learner: Learner) throws {
    try zeroSmall(learner)
    let layers = try self.layers(learner)
    let first = learner.session?.previousOutputs ?? 0
    let head = try layers.head.value.detach()
    let rows = try head.narrow(dim: 0, start: first, count: head.shape[0] - first)
    let weights = try layers.weights.map { try $0.value.detach() } + [rows]
    reached = try noGrad { try Self.reached(weights).map { try $0.to(.cpu) } }
    phase = .retraining
    try hold(learner)
  }

  private func endRetraining(_ learner: Learner) throws {
    phase = .expansion
    let loss = recentLosses.reduce(0, +) / Double(max(recentLosses.count, 1))
    if loss > options.lossThreshold {
      try layers(learner).expand(
        by: options.units, stamp: order.count - 1, learner.random.stream(name))
      try changed(learner)
    } else {
      phase = .retraining
    }
    try hold(learner)
  }

  private func endExpansion(_ learner: Learner) throws {
    let layers = try self.layers(learner)
    try layers.removeDead(after: oldWidths)
    try changed(learner)
    try split(layers, learner)
    phase = .split
    try hold(learner)
  }

  private func changed(_ learner: Learner) throws {
    try learner.parametersChanged()
    try select(task: learner.session?.task, learner)
  }

  private func split(_ layers: GrowingLayers, _ learner: Learner) throws {
    let vector = learner.vector
    guard let previous = try previous?.tensor(in: vector.layout) else { return }
    var chosen: [Tensor] = []
    try noGrad {
      for (index, weight) in layers.weights.enumerated() {
        let (rows, columns) = (oldWidths[index], index == 0 ? weight.value.shape[1] : oldWidths[index - 1])
        guard let slot = vector.slot(of: weight) else { continue }
        let before = try vector.layout.view(slot, of: previous)
        let drift = try (weight.value - before).narrow(dim: 0, start: 0, count: rows)
          .narrow(dim: 1, start: 0, count: columns).norm([1])
        chosen.append(try Self.drifted(drift, threshold: options.splitThreshold, most: options.units))
      }
    }
    try layers.copyUnits(chosen, stamp: order.count - 1)
    try changed(learner)
    guard let before = try self.previous?.tensor(in: learner.vector.layout) else { return }
    try noGrad {
      for (index, units) in chosen.enumerated() {
        for parameter in [layers.weights[index], layers.biases[index]].compactMap({ $0 }) {
          guard let slot = learner.vector.slot(of: parameter) else { continue }
          let old = try learner.vector.layout.view(slot, of: before).indexSelect(units)
          try parameter.value.detach().indexCopy(units, from: old)
        }
      }
    }
  }

  /// Weights too small to count become 0, those that learn now.
  private func zeroSmall(_ learner: Learner) throws {
    let vector = learner.vector
    try noGrad {
      let isSmall = try vector.values.abs() .< Self.smallest
      try vector.values.copy(from: vector.values.maskedFill(isSmall, 0))
    }
    try held.putBack(into: vector)
  }

  /// Holds what does not learn in the phase.
  private func hold(_ learner: Learner) throws {
    let layers = try self.layers(learner)
    let vector = learner.vector
    var free: [ObjectIdentifier: Tensor] = [:]
    for (index, weight) in layers.weights.enumerated() {
      let shape = weight.value.shape
      let input = index > 0 ? try learns(index - 1, width: shape[1]) : nil
      let output = try learns(index, width: shape[0])
      let isNewOutput = try isNew(index, width: shape[0]).unsqueeze(1)
      let rows = try output.unsqueeze(1)
      switch phase {
      case .expansion:
        free[ObjectIdentifier(weight)] =
          index > 0 ? try isNewOutput.logicalOr(isNew(index - 1, width: shape[1])) : isNewOutput
      default: free[ObjectIdentifier(weight)] = try input.map { try rows.logicalAnd($0) } ?? rows
      }
      if let bias = layers.biases[index] {
        free[ObjectIdentifier(bias)] = phase == .expansion ? try isNew(index, width: shape[0]) : output
      }
    }
    let isOldRow = try vector.headRows(before: learner.session?.previousOutputs ?? 0)
    try held.hold(
      vector.map { slot, parameter in
        if parameter.kind == .head { return try vector.layout.view(slot, of: isOldRow) }
        return try free[ObjectIdentifier(parameter)]?.logicalNot() ?? Tensor([true], shape: [])
      }, of: vector)
  }

  /// Which units of a layer the task may change: those that it reaches, and those made for it.
  private func learns(_ layer: Int, width: Int) throws -> Tensor {
    guard phase == .retraining || phase == .split, !reached.isEmpty else {
      return try Tensor.zeros([width], dtype: .bool)
    }
    return try noGrad {
      try Tensor.concatenate([
        reached[layer], Tensor.ones([width - reached[layer].count], dtype: .bool),
      ])
    }
  }

  /// 1 at weights that the task found, `[P]`.
  private func isOld(_ learner: Learner) throws -> Tensor {
    let layers = try self.layers(learner)
    return try learner.vector.map(.float32) { slot, parameter in
      guard let index = layers.weights.firstIndex(where: { $0 === parameter }) else {
        return try Tensor.zeros([])
      }
      let rows = try isNew(index, width: slot.shape[0]).unsqueeze(1)
      let added = index > 0 ? try rows.logicalOr(isNew(index - 1, width: slot.shape[1])) : rows
      return try added.logicalNot().to(.float32)
    }
  }

  private func isNew(_ layer: Int, width: Int) throws -> Tensor {
    try Tensor.arange(0, width) .>= oldWidths[layer]
  }

  public func state() throws -> State {
    var state = State()
    state["tasks"] = order
    state["phase"] = phase
    state["widths"] = oldWidths
    state["losses"] = recentLosses
    state.set(try held.state(), under: "held")
    if let previous { state.set(try previous.state(), under: "previous") }
    for (index, units) in reached.enumerated() { state.tensors["reached/\(index)"] = try units.clone() }
    return state
  }

  public func restore(_ state: State, _ learner: Learner, past: (Int) throws -> Experience) throws {
    order = try state.require("tasks")
    phase = try state.require("phase")
    oldWidths = try state.require("widths")
    recentLosses = try state.require("losses")
    held = try HeldWeights(state.scoped("held"), device: learner.device)
    previous = try CarriedVector(state.scoped("previous"), device: learner.device)
    let tensors = state.scoped("reached").tensors
    reached = (0..<tensors.count).compactMap { tensors["\($0)"] }
  }
}

// MARK: - The choices

extension ExpandableNetworks {
  /// The units of each hidden layer, bool, from which non-zero weights lead to any output.
  ///
  /// - Parameter weights: `[width, inputs]` of each layer; the last are those of the task's outputs, all of them.
  static func reached(_ weights: [Tensor]) throws -> [Tensor] {
    var layers: [Tensor] = []
    var outputs = try Tensor.ones([weights[weights.count - 1].shape[0]], device: weights[0].device)
    for weight in weights.dropFirst().reversed() {
      let paths = try outputs.unsqueeze(0).matmul((weight .!= 0).to(.float32))
      outputs = try (paths.reshape([-1]) .> 0).to(.float32)
      layers.insert(try outputs .> 0, at: 0)
    }
    return layers
  }

  /// The units int64 whose drift is above the threshold, the largest first, at most so many.
  static func drifted(_ drift: Tensor, threshold: Double, most: Int) throws -> Tensor {
    let (values, units) = try drift.sorted(0, descending: true)
    let count = min(try (values .> threshold).to(.int64).sum().itemInt(), most)
    return try units.narrow(dim: 0, start: 0, count: count)
  }
}
