import Torch

/// What participants say together: for each class the mean output of those that know it.
struct Consensus {
  /// float32 `[P, K]`
  let outputs: Tensor
  /// The class of each output, ascending.
  let labels: [Int]

  /// - Parameter answers: of at least one participant, all for the same examples.
  init(_ answers: [Exchange.Answers]) throws {
    let all = Set(answers.flatMap(\.labels)).sorted()
    let columns = try all.map { label -> Tensor in
      let known = try answers.compactMap { answer -> Tensor? in
        try answer.labels.firstIndex(of: label).map { try answer.outputs.narrow(dim: 1, start: $0, count: 1) }
      }
      return try known.dropFirst().reduce(known[0]) { try $0 + $1 } / Double(known.count)
    }
    (outputs, labels) = (try Tensor.concatenate(columns, dim: 1), all)
  }

  /// The most likely class of each example.
  func targets() throws -> Tensor { try Tensor(labels).indexSelect(outputs.argmax(1)) }
}

/// The consensus as a teacher while the public examples are learned; nobody otherwise.
final class ConsensusTeacher: TeacherSource {
  var consensus: Consensus?

  func signals(_ batch: Batch, taps: [String], _ learner: Learner) throws -> [TeacherSignal] {
    guard let consensus else { return [] }
    let outputs = try consensus.outputs.indexSelect(batch.places.to(.cpu)).to(learner.device)
    return [
      TeacherSignal(
        "consensus", Look(features: outputs, outputs: outputs),
        units: consensus.labels.map { learner.classes.unit(of: $0) ?? -1 })
    ]
  }
}
