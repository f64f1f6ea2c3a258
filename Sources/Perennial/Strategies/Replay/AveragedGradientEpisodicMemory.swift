import Torch

/// Averaged gradient episodic memory, A-GEM (Chaudhry et al. 2019, eq. 11).
///
///     g̃ = g − (g·r / r·r) r   where g·r < 0,   else g
///
/// r is the gradient of the loss over items drawn from the memory of all earlier experiences. The memory fills its whole
/// budget, shared by experiences, when an experience ends. The pass for r leaves running statistics alone.
public final class AveragedGradientEpisodicMemory: Strategy {
  public static let card = StrategyCard(
    "a-gem", .replay, summary: "Takes from the gradient what would raise the loss on remembered examples.",
    formula: "g̃ = g − (g·r / r·r) r where g·r < 0, r the gradient over remembered items",
    use: "Tasks are told, one pass over the data.",
    avoid: "New classes compete with old ones: replaying the same items is far stronger.",
    cost: "A second forward and backward pass a step; raw examples.",
    paper: "Chaudhry et al., Efficient Lifelong Learning with A-GEM, 2019"
  ) { AveragedGradientEpisodicMemory($0) }

  /// What a recipe can choose.
  public struct Options: MemoryOptions {
    public var memory = 1000
    public var memoryBytes: ByteCount?
    public var policy = Replay.Policy.experienceBalanced
    /// Items that r is computed over.
    public var batch = 256

    public init() {}

    public func validate(at node: ConfigurationNode) throws {
      try validateMemory(at: node)
      try node.require("batch", batch, atLeast: 1)
    }
  }

  public let name = "a-gem"
  public let options: Options
  public var memory: ReplayMemory? { rehearsal.memory }
  private let rehearsal: Rehearsal

  public init(_ options: Options = Options()) {
    self.options = options
    rehearsal = Rehearsal(options, purpose: "memory-a-gem")
  }

  public func check(_ facts: StreamFacts) throws { try rehearsal.check(facts) }
  public func begin(_ experience: Experience, _ learner: Learner) throws { try rehearsal.begin(learner) }

  public func transform(_ vector: ParameterVector, _ step: Step) throws {
    guard let batch = try rehearsal.draw(options.batch, step.learner) else { return }
    try Self.project(vector.gradients, awayFrom: step.learner.gradient(of: batch))
  }

  /// Takes from `gradient` its part against `reference`.
  static func project(_ gradient: Tensor, awayFrom reference: Tensor) throws {
    try noGrad {
      let product = try gradient.dot(reference).item()
      guard product < 0 else { return }
      try gradient.add(reference, scale: -product / reference.dot(reference).item())
    }
  }

  public func end(_ experience: Experience, _ learner: Learner) throws {
    guard let session = learner.session else { return }
    try rehearsal.insert(session, learner.random.stream("a-gem"))
  }

  public var replayBytes: Int { rehearsal.byteCount }
  public func state() throws -> State { try rehearsal.state() }

  public func restore(_ state: State, _ learner: Learner, past: (Int) throws -> Experience) throws {
    try rehearsal.restore(state, learner)
  }
}
