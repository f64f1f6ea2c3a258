/// What is known of a run before anything is learned: for refusing what cannot work, never told to a learner.
public struct StreamFacts: Sendable {
  /// The classes of the whole stream; nil where targets are no classes.
  public let classes: Int?
  /// Whether outputs are scores of alternatives, as ``Objective/hasAlternatives``; where there are classes, they are.
  public let hasAlternatives: Bool
  /// How many experiences there are.
  public let experiences: Int
  public let scenario: Scenario
  /// Whether every example is seen once.
  public let isOnline: Bool
  /// The names of all strategies of the arm, in order.
  public let strategies: [String]
  /// The names of the models that can be learned from.
  public let teachers: [String]

  public init(
    classes: Int?, hasAlternatives: Bool = false, experiences: Int, scenario: Scenario,
    isOnline: Bool = false,
    strategies: [String] = [], teachers: [String] = []
  ) {
    self.classes = classes
    self.hasAlternatives = hasAlternatives || classes != nil
    self.experiences = experiences
    self.scenario = scenario
    self.isOnline = isOnline
    self.strategies = strategies
    self.teachers = teachers
  }

  /// Whether the task of every item is told, in training and in use.
  public var grantsTasks: Bool { scenario == .taskIncremental }

  /// Refuses a scenario that does not tell tasks.
  public func requireTasks(_ strategy: String) throws {
    guard grantsTasks else { throw StrategyError.needsTasks(strategy) }
  }

  /// Refuses what sends items of several tasks through a model at once, for a strategy that gives each task weights of its own
  /// and learns one task at a time.
  ///
  /// - Parameter others: strategies that keep items apart all the same.
  public func requireOneTaskAtATime(_ strategy: String, besides others: Set<String> = []) throws {
    let together = "it learns all tasks at once, and each has weights of its own"
    let foreign = "items of other tasks that it brings back would be learned by the weights of this one"
    let unaware = "its copy of the model does not know which weights a task has"
    for other in strategies where other != strategy && !others.contains(other) {
      switch (other, StrategyRegistry.card(named: other)?.family) {
      case ("joint", _), ("cumulative", _): throw StrategyError.cannotCombine(strategy, other, together)
      case ("lwf", _), ("lfl", _): throw StrategyError.cannotCombine(strategy, other, unaware)
      case (_, .replay), (_, .generativeReplay), (_, .metaLearning):
        throw StrategyError.cannotCombine(strategy, other, foreign)
      default: break
      }
    }
  }

  /// Refuses to be combined with others.
  ///
  /// - Parameter others: names, each with the reason that a reader understands.
  public func refuse(_ others: KeyValuePairs<String, String>, beside strategy: String) throws {
    for (other, reason) in others where strategies.contains(other) {
      throw StrategyError.cannotCombine(strategy, other, reason)
    }
  }
}

/// Why strategies cannot serve a run.
public enum StrategyError: Error, CustomStringConvertible, Equatable {
  case needsTasks(String)
  case needsClasses(String)
  case cannotCombine(String, String, String)
  /// A strategy, and another that it works with.
  case needs(String, String)
  /// A strategy, and what the model lacks.
  case model(String, String)
  case memoryTooSmall(memory: Int, classes: Int)
  /// A strategy that learns new classes, of which only a class-incremental stream has any.
  case needsNewClasses(String)
  /// A strategy that has finished a task, which comes again after others.
  case cannotReturn(String, task: Int)

  public var description: String {
    switch self {
    case .needsTasks(let name):
      "\(name) needs to be told the task of every item: use `scenario: task`, or a strategy that does without"
    case .needsClasses(let name): "\(name) is for classification"
    case .needsNewClasses(let name):
      "\(name) learns new classes beside old ones: use `scenario: class`, which is scored with the task told too"
    case .cannotReturn(let name, let task):
      "\(name) has finished task \(task): what it and later tasks use rests, and it cannot learn on"
    case .cannotCombine(let one, let other, let reason): "\(one) cannot be combined with \(other): \(reason)"
    case .needs(let one, let other): "\(one) works with what \(other) keeps: add `{\(other): {}}` before it"
    case .model(let name, let problem): "\(name): \(problem)"
    case .memoryTooSmall(let memory, let classes):
      "a memory of \(memory) examples cannot hold one of each of \(classes) classes; raise `memory` or use the reservoir policy"
    }
  }
}
