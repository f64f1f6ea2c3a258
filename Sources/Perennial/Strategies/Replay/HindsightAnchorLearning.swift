import Torch

/// Hindsight anchor learning, HAL (Chaudhry et al. 2021, algorithm 1).
///
///     θ̃ = θ − η ∇L(B ∪ B_M),   ∇L(B ∪ B_M) + λ ∇ mean over anchors e and units of (h_θ(e) − h_θ̃(e))²
///
/// The step may not change what the model says of anchors, one for every class of every experience. An anchor is made when
/// its experience ends: the input that would be forgotten most by the model θ_M tuned on the memory alone,
///
///     e = argmax ℓ_θ_M(e, y) − ℓ_θ(e, y) − γ mean (φ(e) − φ̄)²,
///
/// near the experience's running mean feature φ̄ ← β φ̄ + (1 − β) mean φ(fresh). Published for MNIST: λ = 0.1, γ = 0.1,
/// β = 0.5, 100 steps from noise.
public final class HindsightAnchorLearning: Strategy {
  public static let card = StrategyCard(
    "hal", .replay, summary: "Replay that holds the answers at anchors, inputs made to be forgotten most.",
    formula: "∇L(fresh and remembered) + λ ∇ mean (h_θ(e) − h_θ̃(e))², θ̃ after a trial step",
    use: "Very small memories.",
    avoid: "Inputs are not continuous; plain replay with outputs (der++) is simpler and mostly stronger.",
    cost: "Two more passes on the anchors a step; a hundred steps for each anchor when an experience ends.",
    paper: "Chaudhry et al., Using Hindsight to Anchor Past Knowledge in Continual Learning, 2021"
  ) { HindsightAnchorLearning($0) }

  /// What a recipe can choose.
  public struct Options: MemoryOptions {
    public var memory = 500
    public var memoryBytes: ByteCount?
    public var policy = Replay.Policy.reservoir
    /// Remembered items a step; as many as fresh ones when nil.
    public var batch: Int?
    /// The weight of the anchors.
    public var lambda = 0.1
    /// How much of the mean feature stays at each step.
    public var beta = 0.5
    /// How close an anchor stays to the mean feature.
    public var gamma = 0.1
    /// Steps in which an anchor is made.
    public var steps = 100

    public init() {}

    public func validate(at node: ConfigurationNode) throws {
      try validateMemory(at: node)
      try node.require("batch", batch, atLeast: 1)
      try node.require("lambda", lambda, atLeast: 0)
      try node.require("beta", beta, in: 0...1)
      try node.require("gamma", gamma, atLeast: 0)
      try node.require("steps", steps, atLeast: 1)
    }
  }

  public let name = "hal"
  public let options: Options
  public var memory: ReplayMemory? { rehearsal.memory }
  private let rehearsal: Rehearsal
  /// Model inputs `[A, …]` of all earlier experiences.
  public private(set) var anchors: Tensor?
  /// φ̄ `[D]` of the experience being learned.
  private var meanFeature: Tensor?

  public init(_ options: Options = Options()) {
    self.options = options
    rehearsal = Rehearsal(options, purpose: "memory-hal")
  }

  public func check(_ facts: StreamFacts) throws {
    guard facts.classes != nil else { throw StrategyError.needsClasses(name) }
    try rehearsal.check(facts)
  }

  public func begin(_ experience: Experience, _ learner: Learner) throws {
    meanFeature = nil
    try rehearsal.begin(learner)
  }

  public func rehearse(_ batch: Batch, _ learner: Learner) throws -> Batch {
    try rehearsal.join(batch, options.batch, learner)
  }

  public func transform(_ vector: ParameterVector, _ step: Step) throws {
    guard options.lambda > 0, let anchors else { return }
    let learner = step.learner
    try learner.model.evaluating {
      let trial = try noGrad { try vector.values - vector.gradients * learner.learningRate }
      let answers = try vector.trying(trial) { try noGrad { try learner.model(anchors) } }
      let pull = try vector.gradient { try learner.model(anchors).meanSquaredError(answers) }
      try noGrad { try vector.gradients.add(pull, scale: options.lambda) }
    }
  }

  public func observe(_ step: Step) throws {
    try rehearsal.insert(step)
    try noGrad {
      let mean = try step.features.detach().narrow(dim: 0, start: 0, count: step.batch.fresh).mean([0])
      meanFeature = try meanFeature.map { try mean.lerp($0, weight: options.beta) } ?? mean
    }
  }

  public func end(_ experience: Experience, _ learner: Learner) throws {
    guard options.lambda > 0, let session = learner.session, let meanFeature else { return }
    let units = Set(try session.examples.targets.integers()).sorted()
    let like = try learner.batch(of: session.examples, Tensor.arange(0, 1), isAugmented: false).inputs
    let shape = [units.count] + like.shape.dropFirst()
    var made = try Tensor.uniform(shape, learner.random.stream("hal")).to(learner.device)
    let targets = try Tensor(units).to(learner.device)
    let (vector, tuned, rate) = (learner.vector, try tunedOnMemory(learner), learner.learningRate)
    /// The gradients of each anchor's own loss, and of its distance from φ̄ where that is asked for.
    func slope(isNear: Bool) throws -> Tensor {
      let leaf = try made.clone()
      try leaf.setRequiresGrad(true)
      let features = try learner.model.features(leaf)
      let batch = Batch(
        inputs: leaf, targets: targets, tasks: nil, task: session.task, weights: nil, fresh: units.count,
        source: session.examples, places: try Tensor.arange(0, units.count))
      // A sum: anchors do not share their steps.
      var value = try learner.loss(learner.model.head(features), batch) * units.count
      if isNear {
        value = try value + (features - meanFeature).square().mean([1]).sum() * options.gamma
      }
      return try gradients(of: value, withRespectTo: [leaf])[0]
    }
    for _ in 0..<options.steps {
      let forgotten = try vector.trying(tuned) { try slope(isNear: false) }
      let known = try slope(isNear: true)
      made = try noGrad { try made + (forgotten - known) * rate }
    }
    anchors = try anchors.map { try Tensor.concatenate([$0, made]) } ?? made
    self.meanFeature = nil
  }

  /// The parameters after one pass of SGD over the memory.
  private func tunedOnMemory(_ learner: Learner) throws -> Tensor {
    guard let memory, memory.count > 0 else { return try learner.vector.snapshot() }
    let order = try Tensor.permutation(memory.count, learner.random.stream("hal"))
    var tuned = try learner.vector.snapshot()
    for start in stride(from: 0, to: order.count, by: learner.options.batch) {
      let places = try order[start..<min(start + learner.options.batch, order.count)]
      guard let items = try rehearsal.recall(places, learner) else { break }
      let gradient = try learner.vector.trying(tuned) { try learner.gradient(of: items) }
      tuned = try noGrad { try tuned - gradient * learner.learningRate }
    }
    return tuned
  }

  public var replayBytes: Int { rehearsal.byteCount + (anchors?.byteCount ?? 0) }

  public func state() throws -> State {
    var state = State()
    state.set(try rehearsal.state(), under: "memory")
    state.tensors["anchors"] = try anchors?.clone()
    state.tensors["mean"] = try meanFeature?.clone()
    return state
  }

  public func restore(_ state: State, _ learner: Learner, past: (Int) throws -> Experience) throws {
    try rehearsal.restore(state.scoped("memory"), learner)
    anchors = try state.tensors["anchors"]?.to(learner.device)
    meanFeature = try state.tensors["mean"]?.to(learner.device)
  }
}
