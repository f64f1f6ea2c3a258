import Foundation
import Testing

@testable import Perennial

@Suite struct RunResultsTests {
  @Test func statisticIsTheSampleStandardDeviation() throws {
    let statistic = try #require(Statistic([2, 4, 4, 4, 5, 5, 7, 9]))
    #expect(statistic.mean == 5)
    #expect(abs(statistic.std - (32.0 / 7).squareRoot()) < 1e-12)
    #expect(statistic.n == 8)
    #expect(Statistic([3]) == Statistic(mean: 3, std: 0, n: 1))
    #expect(Statistic([Double]()) == nil)
  }

  @Test func summaryFollowsTheRunsOrder() throws {
    let results = SampleResults.make()
    #expect(results.strategies == ["finetune", "ewc", "lwf", "er", "joint"])
    #expect(results.seeds == [0, 1, 2])
    let object = try #require(
      try JSONSerialization.jsonObject(with: Data(results.json().utf8)) as? [String: Any])
    let summary = try #require(object["summary"] as? [String: [String: [String: Double]]])
    let er = try #require(summary["er"]?["average_accuracy"])
    let values = results.runs(of: "er").compactMap { $0.metrics[.averageAccuracy] }
    #expect(er["n"] == 3)
    #expect(abs((er["mean"] ?? 0) - values.reduce(0, +) / 3) < 1e-12)
    #expect(summary["er"]?["learning_curve_area"] == nil, "what no run measured has no summary")
  }

  @Test func metricsThatOnlySomeSeedsHaveCountThose() {
    var results = SampleResults.make()
    let index = results.runs.firstIndex { $0.strategy == "er" } ?? 0
    results.runs[index].metrics[.forgetting] = nil
    #expect(results.statistic(.forgetting, of: "er")?.n == 2)
    #expect(results.statistic(.forgetting, of: "nobody") == nil)
  }

  @Test func matrixStatisticsAreByCell() {
    var results = SampleResults.make()
    let cell = results.matrixStatistics(of: "er")[4][0]
    let values = results.runs(of: "er").map { $0.matrix[4][0] }
    #expect(abs(cell.mean - values.reduce(0, +) / 3) < 1e-12)
    results.runs[results.runs.count - 1].matrix.removeLast()
    #expect(results.matrixStatistics(of: "joint").isEmpty, "matrices of different shape have no mean")
  }

  func diagonalMean(_ run: RunResults.Run) -> Double {
    let diagonal = run.matrix.indices.map { run.matrix[$0][$0] }
    return diagonal.reduce(0, +) / Double(diagonal.count)
  }

  @Test func intransigenceComesFromTheJointRunOfTheSameSeed() throws {
    let results = SampleResults.make()
    let run = try #require(results.runs(of: "lwf").first { $0.seed == 1 })
    let joint = try #require(results.runs(of: "joint").first { $0.seed == 1 })
    let expected = diagonalMean(joint) - diagonalMean(run)
    #expect(abs((run.metrics[.intransigence] ?? 9) - expected) < 1e-12)
    var other = results
    other.runs.removeAll { $0.strategy == "joint" && $0.seed == 1 }
    other.measureIntransigence(against: "joint")
    let mean = other.runs(of: "joint").map(diagonalMean).reduce(0, +) / 2
    let lent = try #require(other.runs(of: "lwf").first { $0.seed == 1 }?.metrics[.intransigence])
    #expect(abs(lent - (mean - diagonalMean(run))) < 1e-12)
  }

  @Test func expectationsAreHeldOnBothSides() {
    func met(_ measured: Double?) -> Bool {
      Expectation(
        strategy: "er", metric: .averageAccuracy, expected: 0.87, tolerance: 0.02, source: "",
        measured: measured
      ).met
    }
    #expect(met(0.87) && met(0.89) && met(0.85))
    #expect(!met(0.8901) && !met(0.8499) && !met(nil))
  }

  @Test func anExpectationOfSomethingUnmeasuredIsMissed() {
    var results = SampleResults.make()
    results.expect(.averageAccuracy, of: "nobody", toBe: 0.5, tolerance: 1, source: "")
    #expect(results.expectations.last?.measured == nil)
    #expect(results.expectations.last?.met == false)
  }

  @Test func aRunTakesEverythingFromItsRecord() throws {
    var record = try AccuracyMatrix(
      scores: [[0.5, 0.1], [0.4, 0.6]], taskMasked: [[0.9, 0.8], [0.7, 0.6]], randomInit: [0.1, 0.2])
    record.cost.steps = 7
    let run = RunResults.Run(strategy: "er", seed: 3, record: record)
    #expect(run.matrix == [[0.5, 0.1], [0.4, 0.6]])
    #expect(run.taskMaskedMatrix == [[0.9, 0.8], [0.7, 0.6]])
    #expect(run.randomInit == [0.1, 0.2])
    #expect(run.metrics[.averageAccuracy] == 0.5)
    #expect(run.cost.steps == 7)
  }
}
