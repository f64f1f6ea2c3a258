import Torch

/// The options that every strategy with a memory has.
public protocol MemoryOptions: Configurable {
  /// Examples kept.
  var memory: Int { get }
  /// The size of the memory in bytes of raw examples, in place of a number of them.
  var memoryBytes: ByteCount? { get }
  /// Which examples stay.
  var policy: Replay.Policy { get }
}

extension MemoryOptions {
  func validateMemory(at node: ConfigurationNode) throws {
    try node.require("memory", memory, atLeast: 1)
  }
}

/// The memory of a strategy that rehearses: made when the first experience begins, offered examples, drawn from.
///
/// Raw inputs are stored and changed at random anew on each draw.
public final class Rehearsal {
  private let size: Int
  private let bytes: ByteCount?
  private let policy: Replay.Policy
  private let purpose: String
  public private(set) var memory: ReplayMemory?

  /// - Parameter purpose: the random stream that decides what stays and what is drawn.
  public convenience init(_ options: any MemoryOptions, purpose: String) {
    self.init(memory: options.memory, bytes: options.memoryBytes, policy: options.policy, purpose: purpose)
  }

  /// - Parameters:
  ///   - memory: examples kept, where no size in bytes is given.
  ///   - purpose: the random stream that decides what stays and what is drawn.
  public init(memory: Int, bytes: ByteCount? = nil, policy: Replay.Policy = .reservoir, purpose: String) {
    (size, self.bytes, self.policy, self.purpose) = (memory, bytes, policy, purpose)
  }

  /// Refuses a memory without room for every class, where the policy promises it.
  public func check(_ facts: StreamFacts) throws {
    if bytes == nil, let classes = facts.classes { try requireRoom(size, classes) }
  }

  private func requireRoom(_ capacity: Int, _ classes: Int) throws {
    let isByClass = policy == .classBalanced || policy == .ring
    guard capacity < (isByClass ? classes : 1) else { return }
    throw StrategyError.memoryTooSmall(memory: capacity, classes: classes)
  }

  /// An experience begins: makes the memory at the first one, and gives up what no longer holds.
  public func begin(_ learner: Learner) throws {
    guard let session = learner.session else { return }
    try begin(session.experience, storing: session.examples, learner)
  }

  /// The same before there is a session, for examples such as these.
  func begin(_ experience: Experience, storing examples: Examples, _ learner: Learner) throws {
    let memory = self.memory ?? make(learner, capacity: capacity(for: examples))
    self.memory = memory
    if learner.objective.isClassification { try requireRoom(memory.capacity, learner.classes.count) }
    try memory.forget(identifiers: Set(experience.withdrawn))
  }

  private func capacity(for examples: Examples) -> Int {
    guard let bytes = bytes?.bytes else { return size }
    let columns =
      [examples.inputs, examples.targets, examples.identifiers] + [examples.tasks].compactMap { $0 }
    let experience = 8
    return bytes / (columns.reduce(0) { $0 + $1.byteCount / examples.count } + experience)
  }

  private func make(_ learner: Learner, capacity: Int) -> ReplayMemory {
    let grouping: Placement.Grouping =
      switch policy {
      case .reservoir: .none
      case .classBalanced, .ring: learner.objective.isClassification ? .unit : .none
      case .experienceBalanced: .experience
      }
    return ReplayMemory(
      capacity: capacity, grouping: grouping, replacement: policy == .ring ? .ring : .reservoir,
      random: learner.random.numbers(purpose))
  }

  /// Items at random, none twice; all there are when there are fewer, nil when there are none.
  public func draw(_ count: Int, _ learner: Learner) throws -> Batch? {
    guard let memory, memory.count > 0 else { return nil }
    return try recall(memory.draw(count), learner)
  }

  /// A batch with remembered items behind it.
  ///
  /// - Parameter count: how many; as many as fresh ones when nil.
  public func join(_ batch: Batch, _ count: Int?, _ learner: Learner) throws -> Batch {
    try draw(count ?? batch.fresh, learner).map(batch.appending) ?? batch
  }

  /// The items at these places, as in training; nil while there are none.
  public func recall(_ places: Tensor, _ learner: Learner) throws -> Batch? {
    try memory?.examples.map { try learner.batch(of: $0, places, isAugmented: true) }
  }

  /// Offers the fresh items of a step.
  ///
  /// - Parameter extras: further columns, a row for each fresh item.
  public func insert(_ step: Step, extras: [String: Tensor] = [:]) throws {
    try memory?.insert(
      step.batch.source, step.batch.places, experience: step.session.experience.index, extras: extras)
  }

  /// Offers everything that a session trained on, in random order.
  public func insert(_ session: Session, _ random: Generator) throws {
    try memory?.insert(
      session.examples, Tensor.permutation(session.examples.count, random),
      experience: session.experience.index)
  }

  /// Starts again from nothing when the next experience begins.
  public func forget() { memory = nil }

  /// Bytes that the kept examples take.
  public var byteCount: Int { memory?.byteCount ?? 0 }

  public func state() throws -> State { try memory?.state() ?? State() }

  public func restore(_ state: State, _ learner: Learner) throws {
    memory = nil
    guard state.values["placement"] != nil else { return }
    let memory = make(learner, capacity: 0)
    try memory.restore(state)
    self.memory = memory
  }
}
