import Torch

/// Learn to grow (Li, Zhou, Wu, Socher & Xiong 2019): each task decides layer by layer whether it reuses what is there, adapts
/// it, or adds weights of its own.
///
///     x_{l+1} = Σ_c softmax(α_l)_c g_lc(x_l)          while the structure is looked for
///     w by ∇_w L(one half),   α by ∇_α (L(other half) + β Σ_l n_l/n Σ_c softmax(α_l)_c z_lc)
///     c_l = argmax α_l                                 then w of the chosen parts alone
///
/// A layer's options are all that earlier tasks use there, each of its weights with a fresh adapter beside, and fresh weights.
/// The search is that of DARTS in first order (Liu, Simonyan & Yang 2019): weights and scores learn from different halves of
/// the task's own examples, class by class. z is the share of the layer that an option adds, so β is what a whole new model may cost in
/// loss. What earlier tasks use is frozen, statistics of normalisation
/// with the first: they are answered with the same bits for ever.
///
/// The paper tunes reused weights too, held by a penalty, or fixes them, as here. Its adapter is a 1×1 convolution beside one of
/// 3×3; ours is the layer's own kind of map to a few channels, which there is for matrices too. β, the share of the search
/// and the rate of α (Adam) are not the paper's.
public final class LearnToGrow: Strategy {
  public static let card = StrategyCard(
    "learn-to-grow", .architecture, summary: "Decides layer by layer whether a task reuses, adapts or adds.",
    formula: "x_{l+1} = Σ_c softmax(α_l)_c g_lc(x_l), α by held-out items and size;  then c_l = argmax α_l",
    use: "Tasks are told, some of them are alike, and nothing may be forgotten.",
    avoid: "Few steps a task: the search needs enough to tell the options apart.",
    cost: "While it searches, every option of every layer a step; then one model. Grows by what is added.",
    paper: "Li et al., Learn to Grow: A Continual Structure Learning Framework, 2019"
  ) { LearnToGrow($0) }

  /// What a recipe can choose.
  public struct Options: Configurable {
    /// The share of a task's steps in which its structure is looked for.
    public var search = 0.3
    /// The units, or channels, of an adapter.
    public var adapter = 8
    /// What a whole new model may cost in loss, β.
    public var size = 0.01
    /// The learning rate of the scores.
    public var rate = 0.01

    public init() {}

    public func validate(at node: ConfigurationNode) throws {
      try node.require("search", search, above: 0)
      try node.require("search", search, in: 0..<1)
      try node.require("adapter", adapter, atLeast: 1)
      try node.require("size", size, atLeast: 0)
      try node.require("rate", rate, above: 0)
    }
  }

  public let name = "learn-to-grow"
  public let options: Options
  private var order = TaskOrder()
  private var held = HeldWeights()
  /// Moves the scores; nil while nothing is looked for.
  private var scoring: Scoring?
  /// Where the step moves them, set beside the gradient of the weights, which passes through them too.
  private var slopes: [Tensor] = []
  /// 1 at the examples of the experience that scores are judged on, `[N]`; made with the first batch.
  private var judging: Tensor?

  private struct Scoring {
    let vector: ParameterVector
    let optimizer: Adam

    init(_ search: GrownLayers.Search, rate: Double) throws {
      vector = try ParameterVector(search.scores.enumerated().map { ("\($0)", $1) })
      optimizer = try Adam(learningRate: rate, beta1: 0.5)
    }

    func step(along slopes: [Tensor]) throws {
      try noGrad {
        for (slot, slope) in zip(vector.layout.slots, slopes) {
          try vector.layout.view(slot, of: vector.gradients).copy(from: slope)
        }
      }
      try optimizer.step(vector)
    }
  }

  public init(_ options: Options = Options()) { self.options = options }

  public func check(_ facts: StreamFacts) throws {
    try facts.requireTasks(name)
    try facts.requireOneTaskAtATime(name)
    try facts.refuse(
      [
        "packnet": "tasks have parts of their own already", "hat": "tasks have parts of their own already",
        "xdg": "tasks have parts of their own already",
        "den": "both decide how the model grows", "progressive": "both decide how the model grows",
        "si": "what is there to hold rests already", "rwalk": "what is there to hold rests already",
      ], beside: name)
  }

  public func rebuild(
    _ network: Network, _ random: RandomStreams, fresh: @escaping (RandomStreams) throws -> Network
  ) throws -> Network {
    let layers = try GrownLayers(network.backbone, adapter: options.adapter, random) {
      try fresh(random).backbone
    }
    return Network(layers, head: network.head, headName: network.headName)
  }

  public func begin(_ experience: Experience, _ learner: Learner) throws {
    let place = order.admit(try experience.requireTask(name))
    judging = nil
    guard place == order.count - 1 else {
      throw StrategyError.cannotReturn(name, task: try experience.requireTask(name))
    }
    guard place > 0, let layers = layers(learner) else { return }
    if place == layers.count {
      try layers.expand()
      try layers.startSearch()
      scoring = try layers.search.map { try Scoring($0, rate: options.rate) }
      try learner.parametersChanged()
    }
    learner.model.freezeStatistics()
    try holdHead(learner)
  }

  /// Holds the rows of other tasks.
  private func holdHead(_ learner: Learner) throws {
    let own = Set(try learner.session?.examples.targets.integers() ?? [])
    try held.hold(learner.vector.headRows(others: true) { !own.contains($0) }, of: learner.vector)
  }

  public var answersBeyondModel: Bool { true }

  public func select(task: Int?, _ learner: Learner) throws {
    layers(learner)?.selected = order.place(of: task)
  }

  // MARK: - The search

  public var replacesLoss: Bool { true }

  /// While the structure is looked for, the loss of one half of the items; the other half says how scores move.
  public func loss(_ step: Step) throws -> Tensor? {
    guard let scoring, let layers = layers(step.learner) else { return nil }
    let batch = step.batch
    let (isJudging, isLearning, weights) = try noGrad {
      let judging = try self.judging ?? Self.halves(of: batch.source)
      self.judging = judging
      let fresh = try judging.indexSelect(batch.places)
      let others = try Tensor.zeros([batch.count - batch.fresh])
      // Remembered items count as they are; the half that learns stands for all fresh ones.
      let share = Double(batch.fresh) / max(Double(batch.fresh) - (try fresh.sum().item()), 1)
      let device = try batch.inputs.device
      return (
        try Tensor.concatenate([fresh, others]).to(device),
        try Tensor.concatenate([(1 - fresh) * share, others + 1]).to(device),
        try batch.weights ?? Tensor.ones([batch.count], device: device)
      )
    }
    func loss(_ chosen: Tensor) throws -> Tensor {
      var part = batch
      part.weights = try weights * chosen
      return try step.learner.loss(step.outputs, part)
    }
    let total = try noGrad { try (weights * isJudging).sum().item() }
    let judged =
      try loss(isJudging * (Double(batch.count) / max(total, 1e-12))) + layers.expectedGrowth() * options.size
    slopes = try gradients(
      of: judged, withRespectTo: scoring.vector.parameters.map(\.value), retainGraph: true)
    return try loss(isLearning)
  }

  /// 1 at every second example of each class, 0 at the others, `[N]`; of any examples where targets are no classes.
  static func halves(of examples: Examples) throws -> Tensor {
    guard examples.targets.rank == 1, examples.targets.dtype == .int64 else {
      return try Tensor.arange(0, examples.count).remainder(2).to(.float32)
    }
    var seen: [Int: Int] = [:]
    return try Tensor(
      examples.targets.integers().map { label in
        let rank = seen[label, default: 0]
        seen[label] = rank + 1
        return Float(rank % 2)
      })
  }

  public func transform(_ vector: ParameterVector, _ step: Step) throws { try held.zeroGradients(of: vector) }

  public func observe(_ step: Step) throws {
    try held.putBack(into: step.learner.vector)
    guard let scoring else { return }
    try scoring.step(along: slopes)
    let last = max(1, Int((options.search * Double(step.session.steps)).rounded()))
    if step.number + 1 >= last { try decide(step.learner) }
  }

  public func end(_ experience: Experience, _ learner: Learner) throws { try decide(learner) }

  private func decide(_ learner: Learner) throws {
    guard scoring != nil, let layers = layers(learner) else { return }
    try layers.decide()
    scoring = nil
    try learner.parametersChanged()
    try holdHead(learner)
  }

  private func layers(_ learner: Learner) -> GrownLayers? { learner.model.backbone as? GrownLayers }

  public func state() throws -> State {
    var state = State()
    state["tasks"] = order
    state.set(try held.state(), under: "held")
    if let scoring {
      for (index, parameter) in scoring.vector.parameters.enumerated() {
        state.tensors["scores/\(index)"] = try parameter.value.detach().clone()
      }
      for (key, value) in try scoring.optimizer.state() { state.tensors["optimizer/\(key)"] = value }
    }
    return state
  }

  public func restore(_ state: State, _ learner: Learner, past: (Int) throws -> Experience) throws {
    order = try state.require("tasks")
    held = try HeldWeights(state.scoped("held"), device: learner.device)
    if order.count > 1 { learner.model.freezeStatistics() }
    let scores = state.scoped("scores").tensors
    guard let layers = layers(learner), !scores.isEmpty else { return }
    try layers.startSearch((0..<scores.count).compactMap { scores["\($0)"] })
    scoring = try layers.search.map { try Scoring($0, rate: options.rate) }
    try scoring?.optimizer.restore(state.scoped("optimizer").tensors.mapValues { try $0.to(learner.device) })
  }
}
