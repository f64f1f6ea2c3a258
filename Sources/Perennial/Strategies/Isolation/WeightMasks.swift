import Torch

/// A binary mask a task over a network that does not change: SupSup (Wortsman et al. 2020) and Piggyback (Mallya,
/// Davis & Lazebnik 2018).
///
///     w_t = w ⊙ [s_t ≥ τ],   ∂s_t = ∂w_t ⊙ w   (the threshold passed straight through)
///
/// - `supsup`: w is random and signed-constant, ±√(2 / fan-in); scores start as a linear layer's weights, τ = 0. Where
///   no task is told in use, each item is answered by the mask with the surest answer, the smallest entropy over the
///   mask's own classes.
/// - `piggyback`: w is what the first task learned; scores start at 0.01, τ = 0.005.
///
/// Only scores and the task's rows of the head learn; forgetting is exactly 0 where tasks are told.
public final class WeightMasks: Strategy {
  public static let card = StrategyCard(
    "supsup", .isolation, summary: "Learns for each task which weights of a random network to use.",
    formula: "w_t = w ⊙ [s_t ≥ 0], w fixed; without a task: argmin over masks of the answer's entropy",
    use: "Very many tasks: a bit a weight each, no forgetting, and tasks need not be told in use.",
    avoid: "Tasks that could help each other: masks share nothing that was learned.",
    cost:
      "One product a layer a step; a bit (here a byte) a weight and task; a forward pass a mask to infer the task.",
    paper: "Wortsman et al., Supermasks in Superposition, 2020"
  ) { WeightMasks($0) }

  public static let piggybackCard = StrategyCard(
    "piggyback", .isolation, summary: "Masks what the first task learned, one mask for each later task.",
    formula: "w_t = w_1 ⊙ [s_t ≥ 0.005], w_1 fixed after the first task",
    use: "The first task is large and general, and later ones are told.",
    avoid: "The first task knows little that later ones need.",
    cost: "One product a layer a step; a bit (here a byte) a weight and task.",
    paper:
      "Mallya et al., Piggyback: Adapting a single network to multiple tasks by learning to mask weights, 2018"
  ) { WeightMasks(piggyback: $0) }

  /// Nothing to choose: the constants are the papers'.
  public struct Options: Configurable {
    public init() {}
  }

  public let name: String
  private let learnsFirst: Bool
  private var order = TaskOrder()
  /// The units of each task.
  private var units: [[Int]] = []
  private var held = HeldWeights()

  public init(_ options: Options = Options()) {
    name = "supsup"
    learnsFirst = false
  }

  /// Masks of what the first task learned.
  public init(piggyback options: Options) {
    name = "piggyback"
    learnsFirst = true
  }

  public func check(_ facts: StreamFacts) throws {
    if facts.classes == nil { throw StrategyError.needsClasses(name) }
    if learnsFirst { try facts.requireTasks(name) }
    try facts.requireOneTaskAtATime(name)
    try facts.refuse(
      [
        "packnet": "both own the weights", "progressive": "both decide which weights a task has",
        "den": "both decide which weights a task has", "hat": "both decide which weights a task has",
      ], beside: name)
  }

  public func extend(_ network: Network, _ random: RandomStreams) throws {
    let layers = network.backbone.parameters.filter { $0.parameter.kind == .weight }
    let masks = try MaskedLayers(
      layers.map(\.parameter), learnsFirst: learnsFirst, RandomStreams(seed: random.seed).stream(name))
    network.register(name, masks)
    if !learnsFirst { network.freezeStatistics() }
  }

  public func begin(_ experience: Experience, _ learner: Learner) throws {
    let place = order.admit(experience.task ?? experience.index)
    if place == units.count {
      units.append(try Set(learner.session?.examples.targets.integers() ?? []).sorted())
    }
    let masks = try self.masks(learner)
    if place > 0 { try masks.restart() }
    if masks.isSettled { learner.model.freezeStatistics() }
    try held.hold(
      learner.vector.headRows(before: learner.session?.previousOutputs ?? 0), of: learner.vector)
  }

  public func rehearse(_ batch: Batch, _ learner: Learner) throws -> Batch {
    try masks(learner).place()
    return batch
  }

  public var replacesLoss: Bool { !learnsFirst }

  /// Where classes compete, those of earlier experiences do not: their masks answer for them.
  public func loss(_ step: Step) throws -> Tensor? {
    guard step.session.experience.task == nil, let own = units.last else { return nil }
    return try step.learner.loss(Self.among(own, step.outputs), step.batch)
  }

  public func transform(_ vector: ParameterVector, _ step: Step) throws { try held.zeroGradients(of: vector) }

  public func observe(_ step: Step) throws {
    try held.putBack(into: step.learner.vector)
    try noGrad { try masks(step.learner).place() }
  }

  public func end(_ experience: Experience, _ learner: Learner) throws {
    try masks(learner).keep()
    try learner.parametersChanged()
  }

  public func select(task: Int?, _ learner: Learner) throws {
    let masks = try self.masks(learner)
    let place = order.place(of: task) ?? order.count - 1
    try noGrad { try masks.place((0..<masks.count).contains(place) ? place : nil) }
  }

  public var answersBeyondModel: Bool { true }

  public func answer(_ question: Question, _ learner: Learner) throws -> Tensor? {
    guard question.task == nil, !learnsFirst, order.count > 1 else { return nil }
    let masks = try self.masks(learner)
    var outputs: [Tensor] = []
    var entropies: [Tensor] = []
    for (place, own) in units.enumerated() {
      try masks.place(place < masks.count ? place : nil)
      let answer = try Self.among(own, learner.model(question.inputs))
      let p = try answer.softmax(1)
      entropies.append(try -(p * p.clamp(min: 1e-30).log()).sum([1]))
      outputs.append(answer)
    }
    try select(task: nil, learner)
    let surest = try Tensor.stack(entropies, dim: 1).argmin(1)
    let index = try surest.reshape([-1, 1, 1]).expand([-1, 1, outputs[0].shape[1]])
    return try Tensor.stack(outputs, dim: 1).gather(index, dim: 1).squeeze(1)
  }

  private func masks(_ learner: Learner) throws -> MaskedLayers { try learner.model.attached(name) }

  private static func among(_ units: [Int], _ outputs: Tensor) throws -> Tensor {
    let all = try Tensor.arange(0, outputs.shape[1], device: outputs.device)
    let isOwn = try all.isIn(Tensor(units).to(outputs.device))
    return try outputs.maskedFill(isOwn.logicalNot(), -Double.infinity)
  }

  public func state() throws -> State {
    var state = State()
    state["tasks"] = order
    state["units"] = units
    state.set(try held.state(), under: "held")
    return state
  }

  public func restore(_ state: State, _ learner: Learner, past: (Int) throws -> Experience) throws {
    order = try state.require("tasks")
    units = try state.require("units")
    held = try HeldWeights(state.scoped("held"), device: learner.device)
    if try masks(learner).isSettled { learner.model.freezeStatistics() }
  }
}

/// Layers of fixed weights, with masks: those kept, and the one that is learned.
private final class MaskedLayers: Module {
  private struct Layer {
    let weight: Parameter
    /// The fixed weights, the scores, both in the weights' shape, and the masks kept, bool `[tasks, …]`.
    let base: Parameter
    let scores: Parameter
    let masks: Parameter
    let start: Tensor
  }

  private let layers: [Layer]
  private let others: [Parameter]
  private let threshold: Double
  private let learnsFirst: Bool
  private(set) var isSettled = false

  /// - Parameter parameters: all below the head; matrices and kernels get masks, the rest is fixed with them.
  init(_ parameters: [Parameter], learnsFirst: Bool, _ generator: Generator) throws {
    self.learnsFirst = learnsFirst
    threshold = learnsFirst ? 0.005 : 0
    layers = try parameters.filter { $0.value.rank > 1 }.map { weight in
      let shape = weight.value.shape
      let fanIn = Double(shape.dropFirst().reduce(1, *))
      let value = try weight.value.detach()
      let base =
        learnsFirst ? try value.clone() : try noGrad { try value.sign() * (2 / fanIn).squareRoot() }
      let start =
        learnsFirst
        ? try Tensor.full(shape, 0.01)
        : try Initializer.kaimingUniform(shape, slope: 5.0.squareRoot(), generator)
      return Layer(
        weight: weight, base: Parameter(base, kind: .buffer),
        scores: Parameter(try start.clone(), kind: .mask),
        masks: Parameter(try Tensor.zeros([0] + shape, dtype: .bool), kind: .buffer), start: start)
    }
    others = parameters.filter { $0.value.rank <= 1 }
    super.init()
    for (index, layer) in layers.enumerated() {
      register("\(index).base", layer.base)
      register("\(index).scores", layer.scores)
      register("\(index).masks", layer.masks)
      layer.scores.isTrainable = !learnsFirst
    }
    if !learnsFirst { freeze() }
  }

  /// The number of masks kept.
  var count: Int { layers.first?.masks.value.shape[0] ?? 0 }

  override func fit(_ shapes: [String: [Int]]) throws {
    for (index, layer) in layers.enumerated() {
      guard let shape = shapes["\(index).masks"], shape[0] > layer.masks.value.shape[0] else { continue }
      layer.masks.replace(with: try Tensor.zeros(shape, dtype: .bool, device: layer.masks.value.device))
    }
    if count > 0 { freeze() }
  }

  private func freeze() {
    isSettled = true
    for layer in layers {
      layer.weight.isTrainable = false
      layer.scores.isTrainable = true
    }
    for parameter in others { parameter.isTrainable = false }
  }

  /// Puts masked weights in place: those of a mask that was kept, or of the scores as they are now.
  func place(_ kept: Int? = nil) throws {
    guard isSettled else { return }
    for layer in layers {
      guard let kept else {
        let scores = layer.scores.value
        let mask = try noGrad { try (scores .>= threshold).to(.float32) }
        layer.weight.replace(with: try layer.base.value * (mask + (scores - scores.detach())))
        continue
      }
      layer.weight.replace(with: try layer.base.value * layer.masks.value[kept].to(.float32))
    }
  }

  /// Keeps the mask that was learned; after a first task that learned weights, all of them.
  func keep() throws {
    try noGrad {
      for layer in layers {
        if !isSettled { try layer.base.value.copy(from: layer.weight.value) }
        let mask = try isSettled ? layer.scores.value .>= threshold : layer.base.value.isFinite()
        layer.masks.replace(with: try Tensor.concatenate([layer.masks.value, mask.unsqueeze(0)]))
      }
    }
    freeze()
  }

  /// Scores as at the start, for another task.
  func restart() throws {
    try noGrad {
      for layer in layers { try layer.scores.value.copy(from: layer.start) }
    }
  }
}
