import Torch

/// A method of class-incremental learning: exemplars of old classes in the training set, and the past self as a teacher.
///
/// What these methods share is here; each says what it learns by, and what it does when an experience ends.
public protocol ExemplarDistillation: Strategy {
  var exemplars: ExemplarMemory { get }
  /// The model as it was when the experience began.
  var teacher: PastSelf { get }
}

extension ExemplarDistillation {
  public func check(_ facts: StreamFacts) throws {
    try facts.requireNewClasses(name)
    try facts.refuse(["replay": "\(name) keeps exemplars of its own"], beside: name)
    try exemplars.check(facts)
  }

  public var replacesTrainingSet: Bool { true }

  public func trainingSet(for experience: Experience, _ learner: Learner) throws -> TrainingSet? {
    try exemplars.trainingSet(for: experience, learner)
  }

  public func begin(_ experience: Experience, _ learner: Learner) throws {
    try teacher.begin(experience, learner)
  }

  public func end(_ experience: Experience, _ learner: Learner) throws {
    try exemplars.admit(experience, learner)
    try teacher.end(learner)
  }

  public var replayBytes: Int { exemplars.byteCount }

  public func state() throws -> State { try sharedState() }

  public func restore(_ state: State, _ learner: Learner, past: (Int) throws -> Experience) throws {
    try restoreShared(state, learner)
  }

  /// Exemplars and teacher, for methods that have more to save.
  func sharedState() throws -> State {
    var state = State()
    state.set(try exemplars.state(), under: "exemplars")
    state.set(try teacher.state(), under: "teacher")
    return state
  }

  func restoreShared(_ state: State, _ learner: Learner) throws {
    try exemplars.restore(state.scoped("exemplars"), learner)
    try teacher.restore(state.scoped("teacher"), learner)
  }
}

extension StreamFacts {
  /// Refuses streams that bring no new classes, and boundaries that nobody told of: what is new would be unknown.
  func requireNewClasses(_ strategy: String) throws {
    guard classes != nil else { throw StrategyError.needsClasses(strategy) }
    guard scenario == .classIncremental else { throw StrategyError.needsNewClasses(strategy) }
    try refuse(["drift-boundaries": "new classes are told by experiences"], beside: strategy)
  }
}

extension Batch {
  /// The mean over items of KL(softmax(teacher / T) ‖ softmax(student / T)) over units that both have.
  ///
  /// Without T², as the methods of class-incremental learning have it; they write the cross-entropy with the teacher, whose
  /// gradient is the same and whose minimum is not 0.
  func softTargets(student: Tensor, teacher: Tensor, _ units: Range<Int>, temperature: Double) throws
    -> Tensor
  {
    func some(_ outputs: Tensor) throws -> Tensor {
      try outputs.narrow(dim: 1, start: units.lowerBound, count: units.count)
    }
    return try mean(
      ResponseDistillation.forwardKL(
        student: some(student), teacher: some(teacher), temperature: temperature))
  }
}
