import Torch

/// Maximally interfered retrieval, MIR (Aljundi et al. 2019, algorithm 1).
///
///     θᵛ = θ − η ∇L(fresh; θ),   score(x) = ℓ(x; θᵛ) − ℓ(x; θ)
///     L = mean over fresh of ℓ + mean over rehearsed of ℓ
///
/// Of a random choice of remembered items, those are rehearsed whose loss the step to come would raise most. Losses are
/// compared in evaluation mode: dropout would compare noise, and running statistics are not for looking.
public final class MaximallyInterferedRetrieval: Strategy {
  public static let card = StrategyCard(
    "mir", .replay, summary: "Rehearses the remembered items that the step to come would harm most.",
    formula: "the items with the largest ℓ(x; θ − η∇L(fresh)) − ℓ(x; θ) of a random choice",
    use: "One pass over the data, few rehearsed items a step.",
    avoid: "Time is short: plain replay is nearly as good when batches are large.",
    cost: "A second backward pass on the fresh items, two forward passes over the candidates.",
    paper: "Aljundi et al., Online Continual Learning with Maximally Interfered Retrieval, 2019"
  ) { MaximallyInterferedRetrieval($0) }

  /// What a recipe can choose.
  public struct Options: MemoryOptions {
    public var memory = 500
    public var memoryBytes: ByteCount?
    public var policy = Replay.Policy.reservoir
    /// Remembered items a step; as many as fresh ones when nil.
    public var batch: Int?
    /// Items that are drawn for the choice.
    public var candidates = 50

    public init() {}

    public func validate(at node: ConfigurationNode) throws {
      try validateMemory(at: node)
      try node.require("batch", batch, atLeast: 1)
      try node.require("candidates", candidates, atLeast: 1)
    }
  }

  public let name = "mir"
  public let options: Options
  public var memory: ReplayMemory? { rehearsal.memory }
  private let rehearsal: Rehearsal

  public init(_ options: Options = Options()) {
    self.options = options
    rehearsal = Rehearsal(options, purpose: "memory-mir")
  }

  public func check(_ facts: StreamFacts) throws { try rehearsal.check(facts) }
  public func begin(_ experience: Experience, _ learner: Learner) throws { try rehearsal.begin(learner) }

  public func rehearse(_ batch: Batch, _ learner: Learner) throws -> Batch {
    guard var items = try rehearsal.draw(options.candidates, learner) else { return batch }
    let count = options.batch ?? batch.fresh
    if items.count > count, learner.vector.count > 0 {
      let worst = try interference(of: batch, with: items, learner).argsort(0, descending: true)
      items = try items.select(worst.narrow(dim: 0, start: 0, count: count))
    }
    return try batch.joining([(items, 1)])
  }

  /// How much a step on `batch` alone would raise the loss of each item, `[n]`.
  func interference(of batch: Batch, with items: Batch, _ learner: Learner) throws -> Tensor {
    func losses() throws -> Tensor {
      try noGrad {
        try learner.model.evaluating {
          try learner.objective.losses(learner.mask(learner.model(items.inputs), items), items.targets)
        }
      }
    }
    let step = try learner.gradient(of: batch)
    let moved = try noGrad { try learner.vector.values - step * learner.learningRate }
    let before = try losses()
    return try learner.vector.trying(moved, losses) - before
  }

  public func observe(_ step: Step) throws { try rehearsal.insert(step) }

  public var replayBytes: Int { rehearsal.byteCount }
  public func state() throws -> State { try rehearsal.state() }

  public func restore(_ state: State, _ learner: Learner, past: (Int) throws -> Experience) throws {
    try rehearsal.restore(state, learner)
  }
}
