import Torch

/// Experience replay: every batch is joined by as many remembered examples (Ratcliff 1990; Chaudhry et al. 2019).
///
///     L = mean over fresh and remembered items of the loss
///
/// or, weighted by experiences (van de Ven et al. 2022), with t experiences seen
///
///     L = (1/t) · mean over fresh + (1 − 1/t) · mean over remembered.
///
/// Raw inputs are stored and changed at random anew on each draw. Cost: a step on twice the items; inserting and
/// drawing do not depend on the stream's length.
public final class Replay: Strategy, Forgetful {
  public static let card = StrategyCard(
    "replay", .replay, summary: "Rehearses remembered examples beside the fresh ones.",
    formula: "L = mean over fresh and remembered items of the loss",
    use: "First choice wherever some data may be kept: a few examples a class beat every regulariser.",
    avoid: "Data must not be stored.",
    cost: "A step on twice the items; memory as many raw examples as asked for.",
    paper: "Ratcliff 1990; Chaudhry et al., On Tiny Episodic Memories in Continual Learning, 2019"
  ) { Replay($0) }

  /// Which examples stay.
  public enum Policy: String, CaseIterable, Codable, Sendable {
    /// A uniform sample of all that was seen (Vitter 1985).
    case reservoir
    /// The same number of each class, a uniform sample within.
    case classBalanced = "class-balanced"
    /// The same number of each experience, a uniform sample within.
    case experienceBalanced = "experience-balanced"
    /// The last ones of each class (Lopez-Paz & Ranzato 2017).
    case ring
  }

  /// When examples are offered to the memory.
  public enum Insertion: String, CaseIterable, Codable, Sendable {
    /// After each step, the fresh items of its batch: for streams seen once.
    case step
    /// When an experience ends, all its examples in random order; rehearsal is of earlier experiences only.
    case end
  }

  /// How fresh and remembered items share the loss.
  public enum Weighting: String, CaseIterable, Codable, Sendable { case items, experiences }

  /// What a recipe can choose.
  public struct Options: MemoryOptions {
    public var memory = 1000
    public var memoryBytes: ByteCount?
    public var policy = Policy.reservoir
    public var insert = Insertion.step
    /// Which examples of an experience are kept when it ends; all but `random` keep as many of every class of every
    /// experience, whatever the policy.
    public var selection = ExemplarSelection.random
    public var weighting = Weighting.items
    /// Remembered items a step; as many as fresh ones when nil.
    public var batch: Int?

    public init() {}

    public func validate(at node: ConfigurationNode) throws {
      try validateMemory(at: node)
      try node.require("batch", batch, atLeast: 1)
      guard selection == .random || insert == .end else {
        throw node.error(at: "selection", "chooses when an experience ends: it needs `insert: end`")
      }
    }
  }

  public let name = "replay"
  public var seesBatch: Bool { false }
  public let options: Options
  public var memory: ReplayMemory? { rehearsal.memory }
  private let rehearsal: Rehearsal
  private var experiencesSeen = 0

  public init(_ options: Options = Options()) {
    self.options = options
    rehearsal = Rehearsal(options, purpose: "memory")
  }

  public convenience init(memory: Int, policy: Policy = .reservoir) {
    var options = Options()
    options.memory = memory
    options.policy = policy
    self.init(options)
  }

  public func check(_ facts: StreamFacts) throws {
    try rehearsal.check(facts)
    if options.selection.needsClasses, facts.classes == nil { throw StrategyError.needsClasses(name) }
  }

  public func begin(_ experience: Experience, _ learner: Learner) throws {
    experiencesSeen += 1
    try rehearsal.begin(learner)
  }

  public func rehearse(_ batch: Batch, _ learner: Learner) throws -> Batch {
    guard let items = try rehearsal.draw(options.batch ?? batch.fresh, learner) else { return batch }
    var joined = try batch.appending(items)
    if options.weighting == .experiences, experiencesSeen > 1 {
      let factors = try ExperienceShares.factors(
        fresh: batch.count, past: items.count, experiences: experiencesSeen
      ).to(learner.device)
      joined.weights = try joined.weights.map { try $0 * factors } ?? factors
    }
    return joined
  }

  public func observe(_ step: Step) throws {
    if options.insert == .step { try rehearsal.insert(step) }
  }

  public func end(_ experience: Experience, _ learner: Learner) throws {
    guard options.insert == .end, let session = learner.session else { return }
    if options.selection == .random {
      try rehearsal.insert(session, learner.random.stream("replay"))
    } else {
      try memory?.admit(session, by: options.selection, learner)
    }
  }

  public func forget() { rehearsal.forget() }

  public var replayBytes: Int { rehearsal.byteCount }

  public func state() throws -> State {
    var state = try rehearsal.state()
    state["experiences"] = experiencesSeen
    return state
  }

  public func restore(_ state: State, _ learner: Learner, past: (Int) throws -> Experience) throws {
    experiencesSeen = try state.require("experiences")
    try rehearsal.restore(state, learner)
  }
}
