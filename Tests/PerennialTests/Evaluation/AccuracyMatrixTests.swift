import Foundation
import Testing

@testable import Perennial

@Suite struct AccuracyMatrixTests {
  @Test func countsByClassAddUpOverTestSets() throws {
    var record = AccuracyMatrix(experiences: 2)
    try record.append([
      TestScore(classes: [0: Tally(correct: 8, total: 10), 1: Tally(correct: 5, total: 10)]),
      TestScore(classes: [1: Tally(correct: 1, total: 5), 2: Tally(correct: 0, total: 5)]),
    ])
    #expect(record.scores == [[0.65, 0.1]])
    let counts = record.classCounts(after: 0)
    #expect(counts[0] == Tally(correct: 8, total: 10))
    #expect(counts[1] == Tally(correct: 6, total: 15))
    #expect(counts[2]?.accuracy == 0)
    #expect(record.classCounts(after: 1).isEmpty)
  }

  @Test func tallyRecordsAndRefusesToDivideByZero() {
    var tally = Tally()
    #expect(tally.accuracy == nil)
    tally.record(true)
    tally.record(false)
    #expect(tally == Tally(correct: 1, total: 2))
    #expect(TestScore(classes: [:]).score == 0)
  }

  @Test func taskMaskedScoresNeedEveryCell() throws {
    let masked = try AccuracyMatrix(scores: [[0.1, 0.2]], taskMasked: [[0.5, 0.6]])
    #expect(masked.taskMaskedScores == [[0.5, 0.6]])
    var partly = AccuracyMatrix(experiences: 2)
    try partly.append([TestScore(0.1, taskMasked: 0.5), TestScore(0.2)])
    #expect(partly.taskMaskedScores == nil)
    #expect(AccuracyMatrix(experiences: 2).taskMaskedScores == nil)
  }

  @Test func wrongLengthsAreNamed() throws {
    var record = AccuracyMatrix(experiences: 3)
    #expect(throws: EvaluationError.wrongLength(what: "a row of the accuracy matrix", expected: 3, found: 2))
    {
      try record.append([TestScore(0), TestScore(0)])
    }
    #expect(throws: EvaluationError.self) { try record.record(randomInit: [0]) }
    #expect(throws: EvaluationError.self) { try AccuracyMatrix(scores: [[1, 2], [1]]) }
    #expect(throws: EvaluationError.self) { try AccuracyMatrix(scores: [[1, 2]], taskMasked: [[1]]) }
    #expect(throws: EvaluationError.self) { try AccuracyMatrix(scores: [[1]], taskMasked: []) }
    #expect(record.rows.isEmpty, "a refused row must not be kept")
  }

  @Test(arguments: [Double.nan, .infinity, -.infinity]) func scoresMustBeFinite(_ bad: Double) throws {
    var record = AccuracyMatrix(experiences: 2)
    #expect(throws: EvaluationError.self) { try record.append([TestScore(0), TestScore(bad)]) }
    #expect(throws: EvaluationError.self) {
      try record.append([TestScore(0), TestScore(0, taskMasked: bad)])
    }
    #expect(throws: EvaluationError.self) { try record.recordLearningCurve([0, bad]) }
    let error = EvaluationError.notFinite(what: "the score", row: 1, column: 2, value: bad)
    #expect(error.description.contains("experience 2") && error.description.contains("finite"))
  }

  @Test func seenMustBePossible() throws {
    var record = AccuracyMatrix(experiences: 2)
    #expect(throws: EvaluationError.seenOutOfRange(seen: 3, experiences: 2)) {
      try record.append([TestScore(0), TestScore(0)], seen: 3)
    }
    #expect(throws: EvaluationError.seenOutOfRange(seen: 0, experiences: 2)) {
      try record.recordMoment([0, 0], step: 1, seen: 0)
    }
    #expect(throws: EvaluationError.self) { try AccuracyMatrix(scores: [[]]) }
  }

  @Test func survivesACheckpoint() throws {
    var record = try AccuracyMatrix(scores: [[0.5, 0.25], [0.125, 1]], randomInit: [0, 0.1])
    try record.recordMoment([0.1, 0.2], step: 7, seen: 1)
    try record.recordLearningCurve([0.1, 0.3])
    record.recordFlips(FlipCounts(negative: 1, positive: 2, total: 3))
    record.cost.steps = 12
    let copy = try JSONDecoder().decode(AccuracyMatrix.self, from: JSONEncoder().encode(record))
    #expect(copy == record)
  }

  @Test func flipsCompareAnswers() throws {
    let counts = try FlipCounts(before: [1, 1, 0, 2, 2], after: [1, 0, 0, 0, 2], labels: [1, 1, 0, 0, 1])
    #expect(counts == FlipCounts(negative: 1, positive: 1, total: 5))
    #expect(counts.negativeFlipRate == 0.2)
    #expect(FlipCounts().negativeFlipRate == nil)
    #expect(counts + counts == FlipCounts(negative: 2, positive: 2, total: 10))
    #expect(throws: EvaluationError.self) { try FlipCounts(before: [true], after: []) }
    #expect(throws: EvaluationError.self) { try FlipCounts(before: [1], after: [1], labels: []) }
    #expect(throws: EvaluationError.self) { try FlipCounts(before: [1], after: [], labels: [1]) }
  }
}
