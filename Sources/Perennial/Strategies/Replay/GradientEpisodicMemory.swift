import Torch

/// Gradient episodic memory, GEM (Lopez-Paz & Ranzato 2017, eq. 11).
///
///     g̃ = g + Gᵀ v*,   v* = argmin over v ≥ γ of ½ vᵀ (G Gᵀ + ε I) v + (G g)ᵀ v
///
/// where some g·g_t < 0, else g̃ = g. Row g_t of G is the gradient over what is remembered of earlier experience t. Only
/// the products G Gᵀ and G g leave the place where gradients live: the problem is solved in as many dimensions as there
/// are experiences, in double precision. Published: γ = ½, ε = 10⁻³.
public final class GradientEpisodicMemory: Strategy {
  public static let card = StrategyCard(
    "gem", .replay, summary: "The nearest gradient that raises the loss on no earlier experience.",
    formula: "g̃ = g + Gᵀ v*, v* = argmin over v ≥ γ of ½ vᵀ(GGᵀ + εI)v + (Gg)ᵀv",
    use: "Few experiences, tasks are told, backward transfer is wanted.",
    avoid: "Many experiences: every step takes a backward pass for each.",
    cost: "A forward and backward pass an earlier experience a step; a gradient each in memory.",
    paper: "Lopez-Paz & Ranzato, Gradient Episodic Memory for Continual Learning, 2017"
  ) { GradientEpisodicMemory($0) }

  /// What a recipe can choose.
  public struct Options: MemoryOptions {
    public var memory = 1000
    public var memoryBytes: ByteCount?
    public var policy = Replay.Policy.experienceBalanced
    /// Items of each experience that its gradient is computed over; all that are kept when nil.
    public var batch: Int?
    /// The margin γ.
    public var margin = 0.5
    /// Added to the diagonal of G Gᵀ.
    public var epsilon = 1e-3

    public init() {}

    public func validate(at node: ConfigurationNode) throws {
      try validateMemory(at: node)
      try node.require("batch", batch, atLeast: 1)
      try node.require("margin", margin, atLeast: 0)
      try node.require("epsilon", epsilon, above: 0)
    }
  }

  public let name = "gem"
  public let options: Options
  public var memory: ReplayMemory? { rehearsal.memory }
  private let rehearsal: Rehearsal
  /// The places in memory of each earlier experience; found when first asked for.
  private var groups: [[Int]]?
  /// G `[T, P]`, kept from step to step for its memory.
  private var rows: Tensor?

  public init(_ options: Options = Options()) {
    self.options = options
    rehearsal = Rehearsal(options, purpose: "memory-gem")
  }

  public func check(_ facts: StreamFacts) throws { try rehearsal.check(facts) }
  public func begin(_ experience: Experience, _ learner: Learner) throws { try rehearsal.begin(learner) }

  public func transform(_ vector: ParameterVector, _ step: Step) throws {
    let groups = try self.groups ?? group()
    self.groups = groups
    guard !groups.isEmpty else { return }
    let rows = try room(groups.count, vector)
    let learner = step.learner
    try learner.keepingStatistics {
      try vector.gradients(into: rows) { index in
        guard let batch = try rehearsal.recall(places(groups[index], learner), learner) else {
          throw StateError.missing("memory")
        }
        return try learner.loss(learner.model(batch.inputs), batch)
      }
    }
    try noGrad {
      let directions = try rows.matmul(vector.gradients).to(.float64).array(of: Double.self)
      guard directions.contains(where: { $0 < 0 }) else { return }
      let gram = try rows.matmul(rows.T).to(.float64).array(of: Double.self)
      let v = BoundedQuadraticProgram.solve(
        gram, directions, diagonal: options.epsilon, lowerBound: options.margin)
      try vector.gradients.add(Tensor(v.map(Float.init)).to(learner.device).matmul(rows))
    }
  }

  private func group() throws -> [[Int]] {
    var members: [Int: [Int]] = [:]
    for (place, experience) in (try memory?.experiences() ?? []).enumerated() {
      members[experience, default: []].append(place)
    }
    return members.keys.sorted().compactMap { members[$0] }
  }

  private func places(_ all: [Int], _ learner: Learner) throws -> Tensor {
    guard let batch = options.batch, batch < all.count else { return try Tensor(all) }
    let chosen = try Tensor.permutation(all.count, learner.random.stream("gem")).narrow(
      dim: 0, start: 0, count: batch)
    return try Tensor(all).indexSelect(chosen)
  }

  private func room(_ count: Int, _ vector: ParameterVector) throws -> Tensor {
    if let rows, rows.shape == [count, vector.count] { return rows }
    let new = try Tensor.zeros([count, vector.count], device: vector.gradients.device)
    rows = new
    return new
  }

  public func end(_ experience: Experience, _ learner: Learner) throws {
    groups = nil
    guard let session = learner.session else { return }
    try rehearsal.insert(session, learner.random.stream("gem"))
  }

  public var replayBytes: Int { rehearsal.byteCount }
  public func state() throws -> State { try rehearsal.state() }

  public func restore(_ state: State, _ learner: Learner, past: (Int) throws -> Experience) throws {
    groups = nil
    try rehearsal.restore(state, learner)
  }
}
