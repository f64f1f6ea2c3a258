import Torch

/// The moving average of the student's weights (Tarvainen & Valpola, Mean Teachers, 2017).
///
///     θ̄ ← d θ̄ + (1 − d) θ          after every step, d = min(decay, 1 − 1 / (t + 1))
///
/// It covers running statistics too, and starts as the student itself.
public final class MovingAverageTeacher: TeacherSource {
  /// What a recipe can choose.
  public struct Options: Configurable {
    /// The largest d.
    public var decay = 0.999

    public init() {}

    public func validate(at node: ConfigurationNode) throws { try node.require("decay", decay, in: 0..<1) }
  }

  private let decay: Double
  private var teacher: Frozen?
  private var steps = 0

  public init(_ options: Options = Options()) { decay = options.decay }

  public func begin(_ experience: Experience, _ learner: Learner) throws {
    guard teacher?.outputs != learner.model.head.outputs else { return }
    let old = teacher
    let grown = try Frozen(learner.model, learner.blueprint, device: learner.device)
    if let old { try grown.keepRows(of: old) }
    teacher = grown
  }

  public func signals(_ batch: Batch, taps: [String], _ learner: Learner) throws -> [TeacherSignal] {
    try signals { try $0.look(batch.inputs, taps: taps) }
  }

  public func signalsInPieces(_ batch: Batch, _ learner: Learner) throws -> [TeacherSignal] {
    try signals { try $0.look(batch.inputs, inPieces: true) }
  }

  private func signals(_ look: (Frozen) throws -> Look) throws -> [TeacherSignal] {
    guard let teacher else { return [] }
    return [TeacherSignal("ema", try look(teacher), units: Array(0..<teacher.outputs))]
  }

  public func observe(_ step: Step) throws {
    steps += 1
    let decay = min(decay, 1 - 1 / Double(steps + 1))
    try teacher?.follow(step.model, share: 1 - decay)
  }

  public func state() throws -> State {
    var state = State()
    state["steps"] = steps
    if let teacher { state.set(try teacher.state(), under: "model") }
    return state
  }

  public func restore(_ state: State, _ learner: Learner) throws {
    steps = try state.require("steps")
    let saved = state.scoped("model")
    teacher = saved.values.isEmpty ? nil : try Frozen(saved, learner.blueprint, device: learner.device)
  }
}

extension Frozen {
  /// Takes over the values of a network that was smaller: everything it had, in its own rows.
  fileprivate func keepRows(of old: Frozen) throws {
    let known = old.parameters
    try noGrad {
      for (path, value) in parameters {
        guard let before = known[path], before.rank == value.rank else { continue }
        if before.shape == value.shape {
          try value.copy(from: before)
        } else if before.shape.dropFirst() == value.shape.dropFirst(), before.shape[0] < value.shape[0] {
          try value.narrow(dim: 0, start: 0, count: before.shape[0]).copy(from: before)
        }
      }
    }
  }
}
