import Testing

@testable import Perennial

/// Every value here was worked out by hand from the formula beside it.
@Suite struct MetricsTests {
  /// Three experiences; the first improves at the second and is then partly lost.
  static let matrix: [[Double]] = [
    [0.8, 0.3, 0.2],
    [0.9, 0.7, 0.4],
    [0.5, 0.6, 0.9],
  ]

  func close(_ value: Double?, _ expected: Double) -> Bool {
    value.map { abs($0 - expected) < 1e-12 } ?? false
  }

  @Test func averageAccuracyIsTheLastRowsMean() throws {
    let record = try AccuracyMatrix(scores: Self.matrix)
    #expect(close(record.averageAccuracy, 2.0 / 3))
    #expect(close(record.averageAccuracy(after: 1), 0.8))
    #expect(record.averageAccuracy(after: 3) == nil)
    #expect(record.averageAccuracy(after: -1) == nil)
  }

  @Test func averageIncrementalAccuracyCountsOnlyWhatWasSeen() throws {
    let record = try AccuracyMatrix(scores: Self.matrix)
    #expect(close(record.averageIncrementalAccuracy, (0.8 + 0.8 + 2.0 / 3) / 3))
  }

  @Test func anytimeAccuracyAddsEvaluationsInsideExperiences() throws {
    var record = try AccuracyMatrix(scores: Self.matrix)
    #expect(record.anytimeAccuracy == record.averageIncrementalAccuracy)
    try record.recordMoment([0.4, 0.9, 0.9], step: 10, seen: 1)
    #expect(close(record.anytimeAccuracy, (0.4 + 0.8 + 0.8 + 2.0 / 3) / 4))
  }

  @Test func theTwoDefinitionsOfForgettingDiffer() throws {
    let record = try AccuracyMatrix(scores: Self.matrix)
    #expect(close(record.forgettingByExperience[0], 0.4) && close(record.forgettingByExperience[1], 0.1))
    #expect(close(record.forgetting, 0.25))
    #expect(close(record.forgettingFromLearned, (0.3 + 0.1) / 2))
    #expect(close(record.backwardTransfer, -0.2))
  }

  @Test func forgettingMayBeNegative() throws {
    let record = try AccuracyMatrix(scores: [[0.5, 0], [0.7, 0.9]])
    #expect(close(record.forgetting, -0.2))
    #expect(close(record.backwardTransfer, 0.2))
  }

  @Test func theBestBeforeTheEndCountsEvenBeforeLearning() throws {
    let record = try AccuracyMatrix(scores: [[0.5, 0.8, 0], [0.5, 0.6, 0], [0.5, 0.6, 0.9]])
    #expect(close(record.forgetting, 0.1))
    #expect(record.forgettingFromLearned == 0)
    #expect(record.backwardTransfer?.sign == .plus)
  }

  @Test func forwardTransferNeedsTheRandomInitialisation() throws {
    #expect(try AccuracyMatrix(scores: Self.matrix).forwardTransfer == nil)
    let record = try AccuracyMatrix(scores: Self.matrix, randomInit: [0.5, 0.1, 0.1])
    #expect(close(record.forwardTransfer, ((0.3 - 0.1) + (0.4 - 0.1)) / 2))
  }

  @Test func intransigenceIsMeasuredAgainstTheJointRun() throws {
    let record = try AccuracyMatrix(scores: Self.matrix)
    #expect(close(record.intransigence(joint: [0.9, 0.9, 0.9]), (0.1 + 0.2 + 0) / 3))
    #expect(record.intransigence(joint: [0.9]) == nil)
  }

  @Test func aJointRunGivesItsDiagonalOrItsOnlyRow() throws {
    #expect(try AccuracyMatrix(scores: Self.matrix).jointReference == [0.8, 0.7, 0.9])
    #expect(try AccuracyMatrix(scores: [[0.9, 0.8, 0.7]]).jointReference == [0.9, 0.8, 0.7])
    #expect(try AccuracyMatrix(scores: Array(Self.matrix.prefix(2))).jointReference == nil)
  }

  @Test func learningCurveAreaStopsAtBetaBatches() throws {
    var record = AccuracyMatrix(experiences: 2)
    #expect(record.learningCurveArea() == nil)
    try record.recordLearningCurve([0.0, 0.5, 1.0, 1.0])
    try record.recordLearningCurve([0.2, 0.4, 0.6])
    #expect(close(record.learningCurveArea(batches: 1), (0.25 + 0.3) / 2))
    #expect(close(record.learningCurveArea(), (0.5 + 0.4) / 2), "the shortest curve bounds β")
    #expect(record.learningCurveArea(batches: -1) == nil)
  }

  @Test func negativeFlipRateAveragesOverUpdates() throws {
    var record = AccuracyMatrix(experiences: 3)
    #expect(record.negativeFlipRate == nil)
    record.recordFlips(FlipCounts(negative: 1, positive: 2, total: 10))
    record.recordFlips(FlipCounts(negative: 6, positive: 0, total: 20))
    #expect(close(record.negativeFlipRate, 0.2))
  }

  @Test func aSingleExperienceHasNothingToForget() throws {
    let record = try AccuracyMatrix(scores: [[0.9]], randomInit: [0.1])
    #expect(record.averageAccuracy == 0.9)
    #expect(record.averageIncrementalAccuracy == 0.9)
    #expect(record.anytimeAccuracy == 0.9)
    #expect(record.forgetting == nil)
    #expect(record.forgettingFromLearned == nil)
    #expect(record.backwardTransfer == nil)
    #expect(record.forwardTransfer == nil)
    #expect(close(record.intransigence(joint: [0.95]), 0.05))
  }

  @Test func anEmptyRecordHasNoMetrics() {
    let record = AccuracyMatrix(experiences: 3)
    #expect(MetricValues(record) == MetricValues())
  }

  @Test func jointTrainingInOneGoForgetsNothingAndSeesEverything() throws {
    let record = try AccuracyMatrix(scores: [[0.9, 0.8, 0.7]], randomInit: [0, 0, 0])
    #expect(close(record.averageAccuracy, 0.8))
    #expect(record.forgetting == nil)
    #expect(record.forwardTransfer == nil)
  }

  @Test func aRunUnderWayIsScoredOnWhatItHasSeen() throws {
    var record = AccuracyMatrix(experiences: 3)
    try record.append(Self.matrix[0].map { TestScore($0) })
    #expect(record.averageAccuracy == 0.8)
    #expect(record.forgetting == nil)
    try record.append(Self.matrix[1].map { TestScore($0) })
    #expect(close(record.averageAccuracy, 0.8))
    #expect(close(record.forgetting, -0.1))
  }

  @Test func metricValuesCollectEveryMetric() throws {
    var record = try AccuracyMatrix(scores: Self.matrix, randomInit: [0.5, 0.1, 0.1])
    try record.recordLearningCurve([0.5])
    record.recordFlips(FlipCounts(negative: 1, total: 4))
    let joint = try AccuracyMatrix(scores: [[0.9, 0.9, 0.9]])
    let values = MetricValues(record, joint: joint)
    for name in MetricName.standard { #expect(values[name] != nil, "\(name)") }
    #expect(close(values[.intransigence], 0.1))
    #expect(MetricValues(record)[.intransigence] == nil)
    #expect(values[.negativeFlipRate] == 0.25)
  }
}
