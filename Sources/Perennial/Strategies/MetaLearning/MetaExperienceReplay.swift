import Torch

/// Meta-experience replay, MER (Riemer et al. 2019, algorithm 1), with Reptile's updates (Nichol et al. 2018).
///
///     s times, from θᵂ = θ: one SGD step of rate α on each remembered and then each fresh item; θ ← θᵂ + β (θ − θᵂ)
///     at last: θ ← θᴬ + γ (θ − θᴬ), θᴬ the parameters before
///
/// Items one after the other make gradients agree: Reptile's difference holds their inner products. The whole change is
/// handed to the optimizer as the gradient (θᴬ − θ) / α, so that plain SGD takes exactly this step. Items are learned one
/// by one in evaluation mode, for a batch of one has no statistics. Rates are tuned a data set; the defaults are Mammoth's.
public final class MetaExperienceReplay: Strategy {
  public static let card = StrategyCard(
    "mer", .metaLearning,
    summary: "Learns remembered and fresh items one by one, and goes a part of the way.",
    formula: "θ ← θᴬ + γ (θ_after s passes − θᴬ), each pass θ ← θᵂ + β (θ_after items − θᵂ)",
    use: "Streams of single examples or small batches, where transfer between them matters.",
    avoid: "Time is short: every item takes a step of its own.",
    cost: "s forward and backward passes of one item for every fresh and every rehearsed one.",
    paper:
      "Riemer et al., Learning to Learn without Forgetting by Maximizing Transfer and Minimizing Interference, 2019"
  ) { MetaExperienceReplay($0) }

  /// What a recipe can choose.
  public struct Options: MemoryOptions {
    public var memory = 500
    public var memoryBytes: ByteCount?
    public var policy = Replay.Policy.reservoir
    /// Remembered items of each pass; as many as fresh ones when nil.
    public var batch: Int?
    /// Passes a step, s.
    public var passes = 1
    /// How far to go within a pass, and over all of them.
    public var beta = 1.0
    public var gamma = 1.0

    public init() {}

    public func validate(at node: ConfigurationNode) throws {
      try validateMemory(at: node)
      try node.require("batch", batch, atLeast: 1)
      try node.require("passes", passes, atLeast: 1)
      try node.require("beta", beta, above: 0)
      try node.require("gamma", gamma, above: 0)
    }
  }

  public let name = "mer"
  public let options: Options
  public var memory: ReplayMemory? { rehearsal.memory }
  private let rehearsal: Rehearsal

  public init(_ options: Options = Options()) {
    self.options = options
    rehearsal = Rehearsal(options, purpose: "memory-mer")
  }

  public func check(_ facts: StreamFacts) throws {
    if let other = facts.strategies.first(where: { $0 != name && !Self.harmless.contains($0) }) {
      throw StrategyError.cannotCombine(
        name, other,
        "what it learns in its passes takes the place of the gradient, terms and penalties of others included"
      )
    }
    try rehearsal.check(facts)
  }

  /// What has no part in the gradient.
  private static let harmless: Set<String> = [
    "ema", "wise", "frozen-head", "knn", "drift-boundaries", "pruning", "quantization", "feature-extraction",
  ]
  public func begin(_ experience: Experience, _ learner: Learner) throws { try rehearsal.begin(learner) }

  public func transform(_ vector: ParameterVector, _ step: Step) throws {
    let (learner, rate) = (step.learner, step.learner.learningRate)
    guard rate > 0 else { return }
    let start = try vector.snapshot()
    let fresh = try step.batch.select(Tensor.arange(0, step.batch.fresh))
    let reached = try learner.model.evaluating {
      try vector.trying(start) {
        for _ in 0..<options.passes {
          let before = try vector.snapshot()
          for items in [try rehearsal.draw(options.batch ?? fresh.count, learner), fresh].compactMap({ $0 }) {
            for place in 0..<items.count {
              try descend(items.select(Tensor([place])), learner, rate)
            }
          }
          try noGrad { try vector.values.copy(from: before.lerp(vector.values, weight: options.beta)) }
        }
        return try vector.snapshot()
      }
    }
    try noGrad { try vector.gradients.copy(from: (start - reached) * (options.gamma / rate)) }
  }

  /// One SGD step on one item.
  private func descend(_ item: Batch, _ learner: Learner, _ rate: Double) throws {
    try learner.vector.zeroGradients()
    try learner.vector.backward(learner.loss(learner.model(item.inputs), item))
    try noGrad { try learner.vector.values.add(learner.vector.gradients, scale: -rate) }
  }

  public func observe(_ step: Step) throws { try rehearsal.insert(step) }

  public var replayBytes: Int { rehearsal.byteCount }
  public func state() throws -> State { try rehearsal.state() }

  public func restore(_ state: State, _ learner: Learner, past: (Int) throws -> Experience) throws {
    try rehearsal.restore(state, learner)
  }
}
