/// How many of some examples a model got right.
public struct Tally: Codable, Equatable, Sendable {
  public var correct: Int
  public var total: Int

  public init(correct: Int = 0, total: Int = 0) {
    self.correct = correct
    self.total = total
  }

  /// Counts one more example.
  public mutating func record(_ isCorrect: Bool) {
    correct += isCorrect ? 1 : 0
    total += 1
  }

  /// `correct / total`, in [0, 1]; nil when nothing was counted.
  public var accuracy: Double? { total > 0 ? Double(correct) / Double(total) : nil }

  /// The counts of both, as of two batches.
  public static func + (one: Tally, other: Tally) -> Tally {
    Tally(correct: one.correct + other.correct, total: one.total + other.total)
  }
}

/// What one model scored on one experience's test set: one cell of the accuracy matrix.
public struct TestScore: Codable, Equatable, Sendable {
  /// The score as the scenario grants it; the higher the better. For classification, accuracy in [0, 1].
  public var score: Double
  /// The score when only the classes of the experience's own task compete.
  public var taskMasked: Double?
  /// For classification: right and all examples by class label.
  public var classes: [Int: Tally]

  public init(_ score: Double, taskMasked: Double? = nil, classes: [Int: Tally] = [:]) {
    self.score = score
    self.taskMasked = taskMasked
    self.classes = classes
  }

  /// The accuracy over all examples of the given per-class counts; zero when nothing was counted.
  public init(classes: [Int: Tally], taskMasked: Double? = nil) {
    let total = classes.values.reduce(Tally(), +)
    self.init(total.accuracy ?? 0, taskMasked: taskMasked, classes: classes)
  }
}
