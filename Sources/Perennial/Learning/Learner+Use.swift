import Torch

// MARK: - Asking the model

extension Learner {
  /// Outputs `[N, K]` for model inputs `[N, …]`, as in use: evaluation mode, no gradient, and with whatever strategies
  /// put in place of the head's answer.
  ///
  /// - Parameters:
  ///   - task: the task of all items, where it is told.
  ///   - head: answers in place of the model's own head.
  public func predict(_ inputs: Tensor, task: Int? = nil, head: (any Head)? = nil) throws -> Tensor {
    try look(inputs, task: task, head: head).outputs
  }

  /// The same, with the features `[N, D]` and the values at these taps.
  public func look(_ inputs: Tensor, task: Int? = nil, taps: [String] = [], head: (any Head)? = nil) throws
    -> Look
  {
    try asking(task: task) {
      let wanted = taps + strategies.flatMap { $0.questionTaps(self) }
      let (features, seen) = try model.recording(taps: wanted) { try model.features(inputs) }
      var outputs = try (head ?? model.head)(features)
      for strategy in strategies {
        let question = Question(inputs: inputs, features: features, outputs: outputs, task: task, taps: seen)
        outputs = try strategy.answer(question, self) ?? outputs
      }
      return Look(features: features, outputs: outputs, taps: seen)
    }
  }

  /// Runs `body` with the model in evaluation mode, without gradient and with the task's masks in place.
  public func asking<Result>(task: Int?, _ body: () throws -> Result) throws -> Result {
    try noGrad {
      try model.evaluating {
        try select(task: task)
        let result = Swift.Result { try body() }
        try select(task: session?.task)
        return try result.get()
      }
    }
  }
}

// MARK: - Scores on examples that are not trained on

extension Learner {
  /// Outputs `[N, K]` for some examples whose targets are units, as in use, units of other tasks −∞.
  func ask(_ examples: Examples, _ places: Tensor, task: Int?) throws -> Tensor {
    try ask(batch(of: examples, places, task: task, isAugmented: false))
  }

  private func ask(_ batch: Batch) throws -> Tensor {
    let outputs = try predict(batch.inputs, task: batch.task)
    return outputs.shape[1] == model.head.outputs ? try noGrad { try mask(outputs, batch) } : outputs
  }

  /// How good the model is on held-out examples of a task, or of none in particular; 0 of none at all.
  public func score(_ examples: Examples, task: Int?) throws -> Double {
    guard examples.count > 0, model.head.outputs > 0 else { return 0 }
    let known =
      objective.isClassification ? try examples.with(targets: classes.units(for: examples.targets)) : examples
    return try objective.score(over: known.count, targets: known.targets, device) { range, targets in
      let batch = try batch(
        of: known, Tensor.arange(range.lowerBound, range.upperBound), task: task, isAugmented: false)
      return try objective.sums(self, batch.inputs, task: task, targets) { try ask(batch) }
    }
  }
}

extension Objective {
  /// Examples that are asked about at once.
  static var scoreBatch: Int { 1000 }

  /// The score on some examples, asked in batches.
  ///
  /// - Parameter sums: of a range of the examples, with their targets.
  func score(
    over count: Int, targets: Tensor, _ device: Device, sums: (Range<Int>, Tensor) throws -> [Double]
  ) throws -> Double {
    // A place of a text has outputs of its own; neighbours are looked for among as many as can be.
    let hasOne = isClassification || targets.rank < 2 || scoreKind == .retrieval
    let batch = max(Self.scoreBatch / (hasOne ? 1 : targets.shape[1]), 1)
    var total: [Double] = []
    for start in stride(from: 0, to: count, by: batch) {
      let range = start..<min(start + batch, count)
      let sums = try noGrad { try sums(range, targets[range].to(device)) }
      total = total.isEmpty ? sums : zip(total, sums).map { $0 + $1 }
    }
    return total.isEmpty ? 0 : score(of: total)
  }
}
