import Torch

/// The student without its adapters: the model that they were put beside, at the cost of a forward pass and no memory.
///
/// What rests cannot drift, so this is the model before all learning. For outputs that rest too, as a language model's do; a
/// head that learns beside the adapters is the student's own.
public final class UnadaptedTeacher: TeacherSource {
  static let name = "unadapted"

  public init() {}

  /// - Throws: `DistillationError.teacher` for a student without adapters.
  public func signals(_ batch: Batch, taps: [String], _ learner: Learner) throws -> [TeacherSignal] {
    try signals(learner) { try $0.look(batch.inputs, taps: taps) }
  }

  public func signalsInPieces(_ batch: Batch, _ learner: Learner) throws -> [TeacherSignal] {
    try signals(learner) { try $0.look(batch.inputs, inPieces: true) }
  }

  private func signals(_ learner: Learner, _ ask: @escaping (Network) throws -> Look) throws
    -> [TeacherSignal]
  {
    let sets = learner.model.modules.compactMap { $0 as? AdapterSet }
    guard !sets.isEmpty else {
      throw DistillationError.teacher(Self.name, "the student has no adapters: list `lora` before it")
    }
    let look = try noGrad {
      try learner.model.evaluating {
        try sets.reduce({ try ask(learner.model) }) { body, set in
          { try set.disabled(body) }
        }()
      }
    }
    return [TeacherSignal(Self.name, look, units: Array(0..<learner.model.head.outputs))]
  }
}
