import Torch

/// The student as it was when the experience began; nobody in the first one.
public final class PastSelf: TeacherSource {
  /// The model as it was; nil in the first experience, and between two.
  public private(set) var teacher: Frozen?
  /// Units that it has learned; those that grew since say nothing.
  public private(set) var known = 0
  private var hasLearned = false

  public init() {}

  public func begin(_ experience: Experience, _ learner: Learner) throws {
    teacher = hasLearned ? try Frozen(learner.model, learner.blueprint, device: learner.device) : nil
    known = learner.session?.previousOutputs ?? 0
    hasLearned = true
  }

  /// What it makes of inputs `[N, …]`, outputs of the units that it has learned `[N, known]`; nil while there is nobody.
  public func look(_ inputs: Tensor, taps: [String] = []) throws -> Look? {
    guard let teacher, known > 0 else { return nil }
    var look = try teacher.look(inputs, taps: taps)
    look.outputs = try look.outputs.narrow(dim: 1, start: 0, count: known)
    return look
  }

  public func signals(_ batch: Batch, taps: [String], _ learner: Learner) throws -> [TeacherSignal] {
    try signals(learner) { try $0.look(batch.inputs, taps: taps) }
  }

  public func signalsInPieces(_ batch: Batch, _ learner: Learner) throws -> [TeacherSignal] {
    try signals(learner) { try $0.look(batch.inputs, inPieces: true) }
  }

  private func signals(_ learner: Learner, _ look: (Frozen) throws -> Look) throws -> [TeacherSignal] {
    guard let teacher else { return [] }
    let units = (0..<teacher.outputs).map { learner.objective.isClassification && $0 >= known ? -1 : $0 }
    return [TeacherSignal("past-self", try look(teacher), units: units)]
  }

  public func end(_ learner: Learner) throws { teacher = nil }

  public func state() throws -> State {
    var state = State()
    state["learned"] = hasLearned
    state["known"] = known
    if let teacher { state.set(try teacher.state(), under: "model") }
    return state
  }

  public func restore(_ state: State, _ learner: Learner) throws {
    hasLearned = try state.require("learned")
    known = try state.require("known")
    let saved = state.scoped("model")
    teacher = saved.values.isEmpty ? nil : try Frozen(saved, learner.blueprint, device: learner.device)
  }
}
