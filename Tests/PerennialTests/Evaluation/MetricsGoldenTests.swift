import Foundation
import Testing

@testable import Perennial

/// Against an implementation that shares nothing with ours: `Scripts/golden/metrics.py`.
@Suite struct MetricsGoldenTests {
  struct Golden: Decodable {
    struct Case: Decodable {
      struct Evaluation: Decodable {
        let seen: Int
        let accuracies: [Double]
      }
      let name: String
      let matrix: [[Double]]
      let random_init: [Double]
      let joint: [Double]
      let learning_curves: [[Double]]
      let evaluations: [Evaluation]
      let expected: [String: Double?]
    }
    struct Flips: Decodable {
      let name: String
      let before: [Int]
      let after: [Int]
      let labels: [Int]
      let expected: Double
    }
    let cases: [Case]
    let negative_flip_rate: [Flips]
  }

  static func golden() throws -> Golden {
    let url = try #require(
      Bundle.module.url(forResource: "metrics", withExtension: "json", subdirectory: "Golden"))
    return try JSONDecoder().decode(Golden.self, from: Data(contentsOf: url))
  }

  @Test func matchesTheIndependentImplementation() throws {
    let cases = try Self.golden().cases
    #expect(cases.count >= 3)
    for item in cases {
      var record = try AccuracyMatrix(scores: item.matrix, randomInit: item.random_init)
      for curve in item.learning_curves { try record.recordLearningCurve(curve) }
      var values = MetricValues(record)
      values[.intransigence] = record.intransigence(joint: item.joint)
      values[.anytimeAccuracy] = AccuracyMatrix.anytimeAccuracy(
        item.evaluations.map { AccuracyMatrix.Moment(step: 0, seen: $0.seen, scores: $0.accuracies) })
      #expect(item.expected.count == 9)
      for (name, expected) in item.expected {
        let ours = values[MetricName(rawValue: name)]
        switch (ours, expected) {
        case (nil, nil): break
        case (let ours?, let expected?): #expect(abs(ours - expected) < 1e-12, "\(name) of \(item.name)")
        default: Issue.record("\(name) of \(item.name): \(ours as Any) but \(expected as Any) expected")
        }
      }
    }
  }

  @Test func negativeFlipRateMatches() throws {
    let cases = try Self.golden().negative_flip_rate
    #expect(cases.count >= 3)
    for item in cases {
      let counts = try FlipCounts(before: item.before, after: item.after, labels: item.labels)
      let rate = try #require(counts.negativeFlipRate)
      #expect(abs(rate - item.expected) < 1e-12, "\(item.name)")
    }
  }
}
