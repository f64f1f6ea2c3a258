import Torch

/// The options that every strategy with exemplars has.
public protocol ExemplarOptions: Configurable {
  /// Examples kept of all classes together.
  var memory: Int { get }
  /// Examples kept of each class, for a memory that grows with the classes, in place of `memory`.
  var perClass: Int? { get }
  /// Which examples of a class are kept.
  var selection: ExemplarSelection { get }
}

extension ExemplarOptions {
  func validateExemplars(at node: ConfigurationNode) throws {
    try node.require("memory", memory, atLeast: 1)
    try node.require("per_class", perClass, atLeast: 1)
  }
}

/// Exemplars: a few examples of every class, chosen when an experience ends, that join the training set of those to come
/// (Rebuffi et al. 2017, algorithms 3 to 5).
///
/// Every class has the same share. A class keeps the order in which its exemplars were chosen, so that a smaller share is
/// the beginning of a larger one.
public final class ExemplarMemory {
  private let size: Int
  private let perClass: Int?
  private let selection: ExemplarSelection
  public private(set) var memory: ReplayMemory?

  public init(_ options: any ExemplarOptions) {
    (size, perClass, selection) = (options.memory, options.perClass, options.selection)
  }

  /// Refuses a memory without room for every class.
  public func check(_ facts: StreamFacts) throws {
    guard let classes = facts.classes, perClass == nil, size < classes else { return }
    throw StrategyError.memoryTooSmall(memory: size, classes: classes)
  }

  /// All that are kept, targets as output units; nil while there are none.
  public var examples: Examples? { get throws { try memory?.examples } }

  /// The examples of an experience, and the exemplars behind them that still hold; nil while there are none.
  public func trainingSet(for experience: Experience, _ learner: Learner) throws -> TrainingSet? {
    try memory?.forget(identifiers: Set(experience.withdrawn))
    guard let kept = try examples else { return nil }
    let labels = try Tensor(learner.classes.labels).indexSelect(kept.targets)
    return TrainingSet(try Examples.concatenate([experience.examples, kept.with(targets: labels)]))
  }

  /// Chooses exemplars of an experience that is learned, and makes room for them; anew, where some were chosen before.
  public func admit(_ experience: Experience, _ learner: Learner) throws {
    let memory = self.memory ?? make(learner)
    self.memory = memory
    try memory.forget(experience: experience.index)
    let examples = try experience.examples.with(
      targets: learner.classes.units(for: experience.examples.targets))
    try memory.admit(
      examples, experience: experience.index, task: experience.task, by: selection, learner,
      perGroup: perClass)
  }

  private func make(_ learner: Learner) -> ReplayMemory {
    ReplayMemory(capacity: size, random: learner.random.numbers("exemplars"))
  }

  /// Bytes that the kept examples take.
  public var byteCount: Int { memory?.byteCount ?? 0 }

  public func state() throws -> State { try memory?.state() ?? State() }

  public func restore(_ state: State, _ learner: Learner) throws {
    guard state.values["placement"] != nil else { return }
    let memory = make(learner)
    try memory.restore(state)
    self.memory = memory
  }
}
