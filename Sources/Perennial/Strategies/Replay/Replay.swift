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
  public struct Options: Configurable {
    /// Examples kept.
    public var memory = 1000
    public var policy = Policy.reservoir
    public var insert = Insertion.step
    public var weighting = Weighting.items
    /// Remembered items a step; as many as fresh ones when nil.
    public var batch: Int?

    public init() {}

    public func validate(at node: ConfigurationNode) throws {
      try node.require("memory", memory, atLeast: 1)
      try node.require("batch", batch, atLeast: 1)
    }
  }

  public let name = "replay"
  public let options: Options
  public private(set) var memory: ReplayMemory?
  private var experiencesSeen = 0

  public init(_ options: Options = Options()) { self.options = options }

  public convenience init(memory: Int, policy: Policy = .reservoir) {
    var options = Options()
    options.memory = memory
    options.policy = policy
    self.init(options)
  }

  public func check(_ facts: StreamFacts) throws {
    if let classes = facts.classes { try requireRoom(for: classes) }
  }

  private func requireRoom(for classes: Int) throws {
    guard options.policy == .classBalanced || options.policy == .ring, options.memory < classes else {
      return
    }
    throw StrategyError.memoryTooSmall(memory: options.memory, classes: classes)
  }

  public func begin(_ experience: Experience, _ learner: Learner) throws {
    experiencesSeen += 1
    if memory == nil { memory = makeMemory(learner) }
    if learner.objective.isClassification { try requireRoom(for: learner.classes.count) }
  }

  public func rehearse(_ batch: Batch, _ learner: Learner) throws -> Batch {
    guard let memory, let examples = try memory.examples else { return batch }
    let places = try memory.draw(options.batch ?? batch.fresh)
    let inputs = try learner.pipeline(
      examples.inputs, places, augmentation: learner.random.stream("augmentation"), device: learner.device)
    var joined = try batch.appending(
      inputs: inputs, targets: examples.targets.indexSelect(places).to(learner.device),
      tasks: examples.tasks?.indexSelect(places))
    if options.weighting == .experiences, experiencesSeen > 1 {
      let factors = try weights(fresh: batch.count, remembered: places.count).to(learner.device)
      joined.weights = try joined.weights.map { try $0 * factors } ?? factors
    }
    return joined
  }

  public func observe(_ step: Step) throws {
    guard options.insert == .step else { return }
    try memory?.insert(step.batch.source, step.batch.places, experience: step.session.experience.index)
  }

  public func end(_ experience: Experience, _ learner: Learner) throws {
    guard options.insert == .end, let session = learner.session else { return }
    let order = try Tensor.permutation(session.examples.count, learner.random.stream("replay"))
    try memory?.insert(session.examples, order, experience: experience.index)
  }

  /// Factors with mean 1 that give fresh items 1/t of the loss together.
  private func weights(fresh: Int, remembered: Int) throws -> Tensor {
    let total = Float(fresh + remembered)
    let share = 1 / Float(experiencesSeen)
    return try Tensor(
      [Float](repeating: share * total / Float(fresh), count: fresh)
        + [Float](repeating: (1 - share) * total / Float(remembered), count: remembered))
  }

  public func forget() { memory = nil }

  private func makeMemory(_ learner: Learner) -> ReplayMemory {
    let grouping: Placement.Grouping =
      switch options.policy {
      case .reservoir: .none
      case .classBalanced, .ring: learner.objective.isClassification ? .unit : .none
      case .experienceBalanced: .experience
      }
    return ReplayMemory(
      capacity: options.memory, grouping: grouping, replacement: options.policy == .ring ? .ring : .reservoir,
      random: learner.random.numbers("memory"))
  }

  public var replayBytes: Int { memory?.byteCount ?? 0 }

  public func state() throws -> State {
    var state = try memory?.state() ?? State()
    state["experiences"] = experiencesSeen
    return state
  }

  public func restore(_ state: State, _ learner: Learner, past: (Int) throws -> Experience) throws {
    experiencesSeen = try state.require("experiences")
    guard state.values["placement"] != nil else { return }
    let memory = makeMemory(learner)
    try memory.restore(state)
    self.memory = memory
  }
}
