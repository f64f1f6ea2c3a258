import Torch

/// GDumb (Prabhu, Torr & Dokania 2020): a greedily balanced memory, and a model trained from scratch on nothing else.
///
/// Each example is offered to the memory once. When an experience begins, its examples are offered, the weights start
/// afresh, and the memory takes the place of the training set: what the recipe calls epochs and batches is how the model
/// learns the memory. Nothing is continual but the memory, so whatever a method has over GDumb is what continual
/// training is worth.
///
/// Every class has the same share of the memory, the whole of it in use; within its share a class keeps a uniform sample
/// (Vitter 1985) where the paper keeps those that came first, so that the order within an experience does not matter.
public final class GreedyDumbLearner: Strategy {
  public static let card = StrategyCard(
    "gdumb", .replay, summary: "Trains from scratch on a balanced memory, and on nothing else.",
    formula: "M ← balanced sample of all that was seen;  θ ← argmin over fresh weights of the loss on M",
    use: "A baseline that every continual method should beat with the same memory.",
    avoid: "Training from scratch an experience is too slow, or the memory is tiny.",
    cost: "Training on the memory, an experience; memory as many raw examples as asked for.",
    paper: "Prabhu, Torr & Dokania, GDumb: A Simple Approach that Questions Our Progress, 2020"
  ) { GreedyDumbLearner($0) }

  /// What a recipe can choose.
  public struct Options: Configurable {
    /// Examples kept.
    public var memory = 1000

    public init() {}

    public func validate(at node: ConfigurationNode) throws { try node.require("memory", memory, atLeast: 1) }
  }

  public let name = "gdumb"
  public var seesBatch: Bool { false }
  public let options: Options
  public var memory: ReplayMemory? { rehearsal.memory }
  private let rehearsal: Rehearsal
  private var experiencesSeen = 0

  public init(_ options: Options = Options()) {
    self.options = options
    rehearsal = Rehearsal(memory: options.memory, policy: .classBalanced, purpose: "memory")
  }

  public func check(_ facts: StreamFacts) throws {
    guard facts.classes != nil else { throw StrategyError.needsClasses(name) }
    try rehearsal.check(facts)
    try facts.refuse(["replay": "gdumb trains on its own memory alone"], beside: name)
  }

  public var replacesTrainingSet: Bool { true }

  /// The memory, once it was offered this experience.
  public func trainingSet(for experience: Experience, _ learner: Learner) throws -> TrainingSet? {
    try rehearsal.begin(experience, storing: experience.examples, learner)
    // Asked again when a run goes on in the middle of an experience.
    if experience.index >= experiencesSeen {
      let order = try Tensor.permutation(experience.examples.count, learner.random.stream("gdumb"))
      try memory?.insert(experience.examples, order, experience: experience.index)
      experiencesSeen = experience.index + 1
    }
    return try memory?.examples.map { TrainingSet($0) }
  }

  public func begin(_ experience: Experience, _ learner: Learner) throws {
    if experience.index > 0 { try learner.restart() }
  }

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
