import Torch

/// Test, then train: predicts every batch of a session before the learner sees its labels, and scores the prediction
/// that was made, not one that could be made by now.
///
/// With a delay of d the inputs of batch t arrive, and are predicted, when the labels of batch t − d do, which are then
/// scored and learned. Labels still due at the end of an experience arrive before the next begins.
public struct PrequentialEvaluator: Codable {
  public private(set) var record: PrequentialRecord
  private let isClassification: Bool
  /// Predictions whose labels are due, batch by batch.
  private var pending: [[Double]] = []
  /// Of the window, the oldest first.
  private var predictions: [Double] = []
  private var targets: [Double] = []
  private var squaredErrors = 0.0
  private var values = RunningMean()
  private var squaredDeviations = 0.0

  public init(_ options: PrequentialOptions, isClassification: Bool) {
    record = PrequentialRecord(options)
    self.isClassification = isClassification
  }

  /// Before a step of a learner: predicts what has arrived, scores what the step learns.
  ///
  /// - Returns: the scores, when half a window went by since they were last recorded.
  mutating func precede(_ learner: Learner) throws -> PrequentialRecord.Point? {
    guard let session = learner.session, !session.isReplaced else { return nil }
    let order = try learner.random.stream("order")
    for ahead in (session.step == 0 ? 0 : record.delay)...record.delay {
      guard let places = try session.sampler.upcoming(ahead, order) else { continue }
      pending.append(try predict(places, session, learner))
    }
    guard !pending.isEmpty, let places = try session.sampler.upcoming(0, order) else { return nil }
    let labels = try session.examples.targets.indexSelect(places)
    let truth = isClassification ? try labels.integers().map(Double.init) : try labels.doubles()
    return score(pending.removeFirst(), truth)
  }

  /// Marks a boundary after the items scored so far.
  public mutating func markBoundary() { record.boundaries.append(record.items) }

  private func predict(_ places: Tensor, _ session: Session, _ learner: Learner) throws -> [Double] {
    let outputs = try learner.ask(session.examples, places, task: session.task)
    return isClassification ? try outputs.argmax(1).integers().map(Double.init) : try outputs.doubles()
  }

  /// Scores answers that were given before the truth was known.
  ///
  /// - Parameters:
  ///   - answers: classes, or values.
  ///   - truth: one for each answer.
  /// - Returns: the scores, when half a window went by since they were last recorded.
  @discardableResult
  public mutating func score(_ answers: [Double], _ truth: [Double]) -> PrequentialRecord.Point? {
    let step = max(1, record.window / 2)
    let before = record.items / step
    for (answer, target) in zip(answers, truth) {
      squaredErrors += isClassification ? (answer == target ? 0 : 1) : (answer - target) * (answer - target)
      let mean = values.mean
      values.update(target)
      squaredDeviations += (target - mean) * (target - values.mean)
    }
    record.items += answers.count
    predictions = Array((predictions + answers).suffix(record.window))
    targets = Array((targets + truth).suffix(record.window))
    let overall = share(squaredErrors, isClassification ? Double(record.items) : squaredDeviations)
    record.score = overall
    guard record.items / step > before else { return nil }
    let point = PrequentialRecord.Point(items: record.items, overall: overall, window: windowScore)
    record.points.append(point)
    return point
  }

  /// The score over the window; 0 before anything was scored.
  public var windowScore: Double {
    let pairs = zip(predictions, targets)
    guard !isClassification else { return share(Double(pairs.count { $0 != $1 }), Double(targets.count)) }
    let mean = targets.reduce(0, +) / Double(max(targets.count, 1))
    return share(
      pairs.reduce(0) { $0 + ($1.0 - $1.1) * ($1.0 - $1.1) },
      targets.reduce(0) { $0 + ($1 - mean) * ($1 - mean) })
  }

  private func share(_ bad: Double, _ all: Double) -> Double { all > 0 ? 1 - bad / all : 0 }
}

extension Tensor {
  /// All elements as numbers.
  fileprivate func doubles() throws -> [Double] {
    try to(.cpu).to(.float32).array(of: Float.self).map(Double.init)
  }
}
