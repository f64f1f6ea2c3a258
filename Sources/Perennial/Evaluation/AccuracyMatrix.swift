/// The record of one learner over one stream, from which every metric is computed.
///
/// `R[i][j]` is the score on experience j's test set after learning experience i, unseen j included: `i` is a
/// row, `j` a column, T the number of columns. A row normally follows each experience; a learner that trains once
/// on everything (the joint upper bound) has a single row that has seen all T.
public struct AccuracyMatrix: Codable, Equatable, Sendable {
  /// The scores on all test sets at the end of an experience.
  public struct Row: Codable, Equatable, Sendable {
    /// One score for each test set, `[T]`.
    public var tests: [TestScore]
    /// How many experiences, from the first on, the learner had seen by then.
    public var seen: Int
  }

  /// The scores on all test sets at some step inside an experience.
  public struct Moment: Codable, Equatable, Sendable {
    /// Optimizer steps since the start of the stream.
    public var step: Int
    /// How many experiences had been seen by then, the one being learned included.
    public var seen: Int
    /// One score for each test set, `[T]`.
    public var scores: [Double]
    /// The score on the validation examples of the experience being learned, where it has any.
    public var validation: Double?

    public init(step: Int, seen: Int, scores: [Double], validation: Double? = nil) {
      self.step = step
      self.seen = seen
      self.scores = scores
      self.validation = validation
    }
  }

  /// T, the number of experiences that have a test set.
  public let experiences: Int
  /// One row for each finished experience.
  public private(set) var rows: [Row] = []
  /// Scores of the model before any learning, `[T]`: what forward transfer is measured against.
  public private(set) var randomInit: [Double]?
  /// Evaluations inside experiences, for any-time accuracy.
  public private(set) var moments: [Moment] = []
  /// For each experience, the score on its own test set after 0, 1, 2, … of its mini-batches.
  public private(set) var learningCurves: [[Double]] = []
  /// For each update from the second experience on, how answers on what was known before changed.
  public private(set) var flips: [FlipCounts] = []
  /// The scores on the batches of an online stream, each before it was learned.
  public var prequential: PrequentialRecord?
  /// The steps after which a boundary was found inside an experience.
  public var boundaries: [Int]?
  /// What was chosen for each experience, where it was.
  public var tuning: [ContinualGridSearch.Choice]?
  /// What was forgotten after each experience, where there is a budget.
  public var forgettingBudget: [ForgettingBudget.Outcome]?
  /// What a student took over from its teachers, where it had any.
  public var transfer: TransferRecord?
  /// The gap between how sure the learner is at the end and how often it is right.
  public var calibrationError: Double?
  /// How well the learner at the end tells items of none of the classes, where the data have any.
  public var outOfScopeDetection: Double?
  /// What the scores are, where they are no accuracies.
  public var scoreKind: ScoreKind?
  /// What learning took.
  public var cost = LearningCost()

  /// An empty record of a stream with `experiences` test sets.
  public init(experiences: Int) {
    self.experiences = experiences
  }

  /// A record of known scores: one row for each experience learned, each of the same length.
  ///
  /// A single row for several experiences is read as joint training, which has seen them all.
  /// - Throws: `EvaluationError` when rows differ in length or a score is not finite.
  public init(scores: [[Double]], taskMasked: [[Double]]? = nil, randomInit: [Double]? = nil) throws {
    self.init(experiences: scores.first?.count ?? 0)
    if let taskMasked, taskMasked.count != scores.count {
      throw EvaluationError.wrongLength(
        what: "the task-masked matrix", expected: scores.count, found: taskMasked.count)
    }
    for (index, row) in scores.enumerated() {
      let masked = taskMasked?[index]
      if let masked, masked.count != row.count {
        throw EvaluationError.wrongLength(
          what: "a row of the task-masked matrix", expected: row.count, found: masked.count)
      }
      let tests = row.indices.map { TestScore(row[$0], taskMasked: masked?[$0]) }
      try append(tests, seen: scores.count == 1 ? experiences : nil)
    }
    if let randomInit { try record(randomInit: randomInit) }
  }

  /// Adds the scores at the end of an experience.
  ///
  /// - Parameters:
  ///   - tests: one score for each test set, `[T]`, unseen experiences included.
  ///   - seen: how many experiences were seen by now; normally one more than at the last row.
  /// - Throws: `EvaluationError` for a wrong number of scores or one that is not finite.
  public mutating func append(_ tests: [TestScore], seen: Int? = nil) throws {
    let seen = seen ?? min(rows.count + 1, experiences)
    try check(tests.map(\.score), "the score", seen: seen)
    for (column, test) in tests.enumerated() {
      if let masked = test.taskMasked, !masked.isFinite {
        throw EvaluationError.notFinite(
          what: "the task-masked score", row: seen, column: column + 1, value: masked)
      }
    }
    rows.append(Row(tests: tests, seen: seen))
  }

  /// Sets the scores of the model before any learning, `[T]`.
  public mutating func record(randomInit scores: [Double]) throws {
    try check(scores, "the score at random initialisation", seen: 1)
    randomInit = scores
  }

  /// Adds scores on all test sets, `[T]`, measured inside an experience.
  public mutating func recordMoment(
    _ scores: [Double], step: Int, seen: Int, validation: Double? = nil
  ) throws {
    try check(scores, "the score at step \(step)", seen: seen)
    moments.append(Moment(step: step, seen: seen, scores: scores, validation: validation))
  }

  /// Drops what was measured inside experiences after `step`, because that part is learned again.
  mutating func dropMoments(after step: Int) { moments.removeAll { $0.step > step } }

  /// Adds one experience's learning curve: the score on its own test set after 0, 1, 2, … of its mini-batches.
  public mutating func recordLearningCurve(_ scores: [Double]) throws {
    if let bad = scores.firstIndex(where: { !$0.isFinite }) {
      throw EvaluationError.notFinite(
        what: "the score after \(bad) mini-batches", row: learningCurves.count + 1,
        column: learningCurves.count + 1, value: scores[bad])
    }
    learningCurves.append(scores)
  }

  /// Adds how one update changed the answers on the test sets of experiences known before it.
  public mutating func recordFlips(_ counts: FlipCounts) {
    flips.append(counts)
  }

  /// `R[i][j]`, as the scenario grants: rows of T scores.
  public var scores: [[Double]] { rows.map { $0.tests.map(\.score) } }

  /// `R[i][j]` when only the classes of j's own task compete; nil unless every cell has it.
  public var taskMaskedScores: [[Double]]? {
    guard !rows.isEmpty else { return nil }
    var masked: [[Double]] = []
    for row in rows {
      let scores = row.tests.compactMap(\.taskMasked)
      guard scores.count == experiences else { return nil }
      masked.append(scores)
    }
    return masked
  }

  /// Right and all examples by class label, over all test sets, after learning experience `row` (from zero).
  public func classCounts(after row: Int) -> [Int: Tally] {
    guard rows.indices.contains(row) else { return [:] }
    return rows[row].tests.reduce(into: [:]) { $0.merge($1.classes, uniquingKeysWith: +) }
  }

  private func check(_ scores: [Double], _ what: String, seen: Int) throws {
    guard scores.count == experiences else {
      throw EvaluationError.wrongLength(
        what: "a row of the accuracy matrix", expected: experiences, found: scores.count)
    }
    guard (1...max(experiences, 1)).contains(seen), experiences > 0 else {
      throw EvaluationError.seenOutOfRange(seen: seen, experiences: experiences)
    }
    if let column = scores.firstIndex(where: { !$0.isFinite }) {
      throw EvaluationError.notFinite(what: what, row: seen, column: column + 1, value: scores[column])
    }
  }
}
