import Torch

/// Compares a trained student with its teachers on test examples, as it is asked in use.
struct TransferProbe {
  /// So many test examples are enough.
  private static let limit = 1000

  private let learner: Learner
  /// Test examples of each experience, from all over it, and its task where the scenario tells it.
  private let parts: [(examples: Examples, task: Int?)]
  /// The class label of each of them.
  private let truth: [Int]
  /// What the student made of them.
  private let student: Look

  /// Looks at the student once; nil where it gives no classes.
  init?(_ learner: Learner, _ stream: Stream) throws {
    guard learner.objective.isClassification, learner.classes.count > 1 else { return nil }
    self.learner = learner
    let share = max(Self.limit / stream.count, 1)
    parts = try (0..<stream.count).map { index in
      let test = try stream.test(index, after: stream.count - 1)
      let some = try test.select(Self.spread(share, over: test.count))
      return (some, stream.scenario == .taskIncremental ? index : nil)
    }
    truth = try parts.flatMap { try $0.examples.targets.integers() }
    student = try Self.look(parts, learner, labels: learner.classes.labels) { inputs, task in
      try learner.look(inputs, task: task, taps: Self.layers(learner.model.tapNames))
    }
  }

  /// The student beside each of its teachers.
  func comparisons() throws -> [TransferRecord.Comparison] {
    try noGrad {
      let answers = try Self.answers(student, labels: learner.classes.labels)
      // Those who take other inputs have nothing to say of these.
      return try learner.teachers.filter { $0.value.data == nil }.sorted { $0.key < $1.key }.map {
        name, teacher in
        let labels = teacher.labels ?? Array(0..<teacher.outputs)
        let theirs = try Self.look(parts, learner, labels: labels) { inputs, _ in
          try teacher.look(inputs, taps: Self.layers(teacher.tapNames))
        }
        let said = try Self.answers(theirs, labels: labels)
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

  /// The gap between the student's confidence and its accuracy, among the classes that compete in use.
  func calibrationError() throws -> Double? {
    try noGrad {
      let (confidences, units) = try student.outputs.softmax().max(1)
      let sure = try confidences.array(of: Float.self)
      var calibration = Calibration()
      for (index, unit) in try units.integers().enumerated() {
        calibration.record(
          confidence: Double(sure[index]), isCorrect: learner.classes.labels[unit] == truth[index])
      }
      return calibration.error
    }
  }

  /// How well a maximum probability tells inputs of none of the classes from test examples (Hendrycks & Gimpel 2017): the
  /// area under the ROC curve, out of scope being positive.
  ///
  /// - Parameter strangers: raw inputs `[N, …]` of none of the classes.
  /// - Returns: nil where the task is told, which strangers have none of.
  func detection(_ strangers: Tensor) throws -> Double? {
    guard parts.allSatisfy({ $0.task == nil }) else { return nil }
    return try noGrad {
      let places = try Self.spread(Self.limit, over: strangers.shape[0])
      let inputs = try learner.pipeline(strangers, places, augmentation: nil, device: learner.device)
      let outputs = try learner.predict(inputs)
      var detection = DetectionScore()
      for (outputs, isStrange) in [(student.outputs, false), (outputs, true)] {
        for confidence in try outputs.softmax().max(1).values.array(of: Float.self) {
          try detection.add(-Double(confidence), isPositive: isStrange)
        }
      }
      return detection.areaUnderROC
    }
  }

  /// At most so many places, evenly spaced: test files are often sorted by class.
  static func spread(_ limit: Int, over count: Int) throws -> Tensor {
    let places = min(limit, count)
    return try Tensor((0..<places).map { $0 * count / places })
  }

  /// The outputs of stages and of Transformer layers, not what lies within them: attentions, values before a rectifier.
  private static func layers(_ taps: [String]) -> [String] {
    taps.filter { tap in
      let path = tap.split(separator: ".")
      return tap != "features" && tap != "outputs" && (path.count == 1 || path.dropLast().last == "layers")
    }
  }

  private static func answers(_ look: Look, labels: [Int]) throws -> [Int] {
    try look.outputs.argmax(1).integers().map { labels[$0] }
  }

  /// Values at all taps, each `[N, D]`, maps and texts by the mean over their positions; outputs `[N, K]` of these labels, those of
  /// other tasks −∞ where the task is told.
  private static func look(
    _ parts: [(examples: Examples, task: Int?)], _ learner: Learner, labels: [Int],
    _ ask: (Tensor, Int?) throws -> Look
  ) throws -> Look {
    try noGrad {
      let looks = try parts.map { examples, task in
        let inputs = try learner.pipeline(
          examples.inputs, Tensor.arange(0, examples.count), augmentation: nil, device: learner.device)
        let look = try ask(inputs, task)
        var outputs = look.outputs
        if let units = task.flatMap({ learner.classes.tasks[$0] }) {
          let own = Set(units.map { learner.classes.labels[$0] })
          let others = try Tensor(labels.prefix(outputs.shape[1]).map { !own.contains($0) })
          outputs = try outputs.maskedFill(others.to(learner.device), -Double.infinity)
        }
        return Look(
          features: look.features, outputs: outputs,
          taps: try look.taps.mapValues(Self.withoutPositions))
      }
      return Look(
        features: try Tensor.concatenate(looks.map(\.features)),
        outputs: try Tensor.concatenate(looks.map(\.outputs)),
        taps: try (looks.first?.taps ?? [:]).keys.reduce(into: [:]) { taps, name in
          taps[name] = try Tensor.concatenate(looks.compactMap { $0.taps[name] })
        })
    }
  }

  /// Maps `[N, C, H, W]` and texts `[N, L, D]`, whose L is another for other texts, without their positions: `[N, C]` or `[N, D]`.
  private static func withoutPositions(_ values: Tensor) throws -> Tensor {
    switch values.rank {
    case 4: try values.mean([2, 3])
    case 3: try values.mean([1])
    default: try values.flatten(from: 1)
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
