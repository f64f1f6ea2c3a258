import Torch

/// Compares a trained student with its teachers on test examples.
struct TransferProbe {
  /// So many test examples are enough.
  private static let limit = 1000
  private static let batch = 1000

  let learner: Learner
  /// With class labels as targets.
  let examples: Examples

  init(_ learner: Learner, _ stream: Stream) throws {
    self.learner = learner
    let share = max(Self.limit / stream.count, 1)
    examples = try Examples.concatenate(
      (0..<stream.count).map {
        let test = try stream.test($0)
        return try test.select(Tensor.arange(0, min(test.count, share)))
      })
  }

  /// The student beside each of its teachers.
  func comparisons() throws -> [TransferRecord.Comparison] {
    guard learner.objective.isClassification, !learner.teachers.isEmpty else { return [] }
    return try noGrad {
      let truth = try examples.targets.integers()
      let student = try look { try learner.model.look($0, taps: Self.layers(learner.model.tapNames)) }
      let answers = try student.outputs.argmax(1).integers().map { learner.classes.labels[$0] }
      // Those who take other inputs have nothing to say of these.
      return try learner.teachers.filter { $0.value.data == nil }.sorted { $0.key < $1.key }.map {
        name, teacher in
        let theirs = try look { try teacher.look($0, taps: Self.layers(teacher.tapNames)) }
        let said = try theirs.outputs.argmax(1).integers().map { teacher.labels?[$0] ?? $0 }
        var (agreed, kept): ([Int: Tally], [Int: Tally]) = ([:], [:])
        for (index, label) in truth.enumerated() {
          agreed[label, default: Tally()].record(answers[index] == said[index])
          if said[index] == label { kept[label, default: Tally()].record(answers[index] == label) }
        }
        return TransferRecord.Comparison(
          teacher: name, agreement: agreed.values.reduce(Tally(), +).accuracy ?? 0,
          agreementByClass: agreed.compactMapValues(\.accuracy),
          retentionByClass: kept.compactMapValues(\.accuracy), alignment: try alignment(student, theirs))
      }
    }
  }

  /// The gap between confidence and accuracy, among all classes known.
  func calibrationError() throws -> Double? {
    guard learner.objective.isClassification, learner.classes.count > 1 else { return nil }
    return try noGrad {
      let truth = try examples.targets.integers()
      let (confidences, units) = try look { try learner.model.look($0, taps: []) }.outputs.softmax().max(1)
      let sure = try confidences.array(of: Float.self)
      var calibration = Calibration()
      for (index, unit) in try units.integers().enumerated() {
        calibration.record(
          confidence: Double(sure[index]), isCorrect: learner.classes.labels[unit] == truth[index])
      }
      return calibration.error
    }
  }

  /// Values before a stage's last rectifier are no layer of their own.
  private static func layers(_ taps: [String]) -> [String] {
    taps.filter { $0 != "features" && $0 != "outputs" && !$0.contains(".") }
  }

  /// Values at all taps, each `[N, D]`: maps by the mean over their positions.
  private func look(_ ask: (Tensor) throws -> Look) throws -> Look {
    try learner.model.evaluating {
      let looks = try stride(from: 0, to: examples.count, by: Self.batch).map { start in
        let places = try Tensor.arange(start, min(start + Self.batch, examples.count))
        let inputs = try learner.pipeline(
          examples.inputs, places, augmentation: nil, device: learner.device)
        let look = try ask(inputs)
        return Look(
          features: look.features, outputs: look.outputs,
          taps: try look.taps.mapValues { $0.rank == 4 ? try $0.mean([2, 3]) : try $0.flatten(from: 1) })
      }
      var taps: [String: Tensor] = [:]
      for name in (looks.first?.taps ?? [:]).keys {
        taps[name] = try Tensor.concatenate(looks.compactMap { $0.taps[name] })
      }
      return Look(
        features: try Tensor.concatenate(looks.map(\.features)),
        outputs: try Tensor.concatenate(looks.map(\.outputs)), taps: taps)
    }
  }

  private func alignment(_ student: Look, _ teacher: Look) throws -> [TransferRecord.Alignment] {
    func layers(_ look: Look) -> [(tap: String, values: Tensor)] {
      look.taps.isEmpty
        ? [("features", look.features)] : look.taps.sorted { $0.key < $1.key }.map { ($0.key, $0.value) }
    }
    return try layers(student).map { own in
      .init(
        tap: own.tap,
        with: try layers(teacher).compactMap { other in
          try CentredKernelAlignment.linear(own.values, other.values).map { .init(tap: other.tap, value: $0) }
        })
    }
  }
}
