import Torch

/// Experience replay with asymmetric cross-entropy, ER-ACE (Caccia et al. 2022, eq. 4).
///
///     L = CE over the classes of the fresh batch (x, y) + CE over all classes (x', y'),   (x', y') ~ M
///
/// Fresh items do not push down classes that they do not show, which is what moves the features of old classes. The two
/// means are added, not averaged.
public final class AsymmetricReplay: Strategy {
  public static let card = StrategyCard(
    "er-ace", .replay,
    summary: "Fresh items compete among their own classes only, remembered ones among all.",
    formula: "L = CE(x, y; classes of the batch) + CE(x', y'; all classes)",
    use: "New classes in one pass over the data, small memories.",
    avoid: "Classes stay and inputs change: it is replay then.",
    cost: "A step on twice the items; raw examples.",
    paper:
      "Caccia et al., New Insights on Reducing Abrupt Representation Change in Online Continual Learning, 2022"
  ) { AsymmetricReplay($0) }

  /// What a recipe can choose.
  public struct Options: MemoryOptions {
    public var memory = 1000
    public var memoryBytes: ByteCount?
    public var policy = Replay.Policy.reservoir
    /// Remembered items a step; as many as fresh ones when nil.
    public var batch: Int?

    public init() {}

    public func validate(at node: ConfigurationNode) throws {
      try validateMemory(at: node)
      try node.require("batch", batch, atLeast: 1)
    }
  }

  public let name = "er-ace"
  public let options: Options
  public var memory: ReplayMemory? { rehearsal.memory }
  private let rehearsal: Rehearsal

  public init(_ options: Options = Options()) {
    self.options = options
    rehearsal = Rehearsal(options, purpose: "memory-er-ace")
  }

  public func check(_ facts: StreamFacts) throws {
    guard facts.classes != nil else { throw StrategyError.needsClasses(name) }
    try rehearsal.check(facts)
  }

  public func begin(_ experience: Experience, _ learner: Learner) throws { try rehearsal.begin(learner) }

  public func rehearse(_ batch: Batch, _ learner: Learner) throws -> Batch {
    try rehearsal.join(batch, options.batch, learner)
  }

  public var replacesLoss: Bool { true }

  public func loss(_ step: Step) throws -> Tensor? {
    let (learner, batch) = (step.learner, step.batch)
    let outputs = try learner.mask(step.outputs, batch)
    func part(_ first: Int, _ count: Int, absent: Tensor? = nil) throws -> Tensor {
      var rows = try outputs.narrow(dim: 0, start: first, count: count)
      if let absent { rows = try rows.maskedFill(absent, -Double.infinity) }
      let targets = try batch.targets.narrow(dim: 0, start: first, count: count)
      guard let weights = batch.weights else { return try learner.objective.meanLoss(rows, targets) }
      return try
        (learner.objective.losses(rows, targets) * weights.narrow(dim: 0, start: first, count: count)).mean()
    }
    let fresh = batch.fresh
    let absent = try noGrad {
      let present = try Tensor.zeros([outputs.shape[1]], device: outputs.device)
      try present.indexFill(batch.targets.narrow(dim: 0, start: 0, count: fresh), 1)
      return try present .== 0
    }
    let stream = try part(0, fresh, absent: absent)
    return batch.count == fresh ? stream : try stream + part(fresh, batch.count - fresh)
  }

  public func observe(_ step: Step) throws { try rehearsal.insert(step) }

  public var replayBytes: Int { rehearsal.byteCount }
  public func state() throws -> State { try rehearsal.state() }

  public func restore(_ state: State, _ learner: Learner, past: (Int) throws -> Experience) throws {
    try rehearsal.restore(state, learner)
  }
}
