import Perennial
import Testing

@testable import PerennialText

@Suite struct RankingTests {
  struct Golden: Decodable {
    struct Retrieval: Decodable {
      let name: String
      let rows: [[Double]]
      let relevant: [Int]
      let cutoffs: [Int]
      let top: [Double]
      let mrr: Double
    }
    struct Detection: Decodable {
      let name: String
      let labels: [Bool]
      let scores: [Double]
      let auroc: Double
      let aupr: Double
      let fpr: [String: Double]
    }
    let retrieval: [Retrieval]
    let detection: [Detection]
  }

  @Test func retrievalIsThatOfScikitLearnAndTiesAreShared() throws {
    let golden: Golden = try ScoreGolden.load("text_ranking")
    #expect(golden.retrieval.count == 3)
    for item in golden.retrieval {
      var retrieval = try RetrievalAccuracy(cutoffs: item.cutoffs)
      var single = retrieval
      for (row, relevant) in zip(item.rows, item.relevant) {
        try retrieval.add(row, relevant: relevant)
        var others = row
        try single.add(Float(others.remove(at: relevant)), against: others.reversed().map { Float($0) })
      }
      for (cutoff, expected) in zip(item.cutoffs, item.top) {
        #expect(isClose(try #require(retrieval.accuracy(at: cutoff)), expected), "\(item.name) at \(cutoff)")
        #expect(isClose(try #require(single.accuracy(at: cutoff)), expected), "\(item.name) at \(cutoff)")
      }
      #expect(isClose(try #require(retrieval.meanReciprocalRank), item.mrr), "\(item.name)")
      #expect(isClose(try #require(single.meanReciprocalRank), item.mrr), "\(item.name)")
    }
  }

  @Test func aConstantScoreIsChance() throws {
    var retrieval = try RetrievalAccuracy(cutoffs: [3, 1, 3, 100])
    for relevant in 0..<10 {
      try retrieval.add([Double](repeating: -.infinity, count: 10), relevant: relevant)
    }
    #expect(retrieval.cutoffs == [1, 3, 100] && retrieval.queries == 10)
    #expect(isClose(try #require(retrieval.accuracy(at: 1)), 0.1))
    #expect(isClose(try #require(retrieval.accuracy(at: 3)), 0.3))
    #expect(retrieval.accuracy(at: 100) == 1)
    #expect(retrieval.accuracy(at: 2) == nil)
  }

  @Test func mistakesInRetrievalAreNamed() throws {
    for cutoff in [Int.min, 0] {
      #expect(throws: ScoreError.outOfRange(what: "the cutoff", value: "\(cutoff)", allowed: "1 and more")) {
        try RetrievalAccuracy(cutoffs: [1, cutoff])
      }
    }
    var retrieval = try RetrievalAccuracy(cutoffs: [.max])
    #expect(retrieval.accuracy(at: .max) == nil && retrieval.meanReciprocalRank == nil)
    #expect(throws: ScoreError.notANumber(what: "the similarity of query 1 to candidate 2")) {
      try retrieval.add([1, .nan], relevant: 0)
    }
    for index in [-1, 2, .max] {
      #expect(throws: ScoreError.self) { try retrieval.add([1.0, 2], relevant: index) }
    }
    #expect(throws: ScoreError.self) { try retrieval.add([Double](), relevant: 0) }
    try retrieval.add(1.0, against: [])
    #expect(retrieval.accuracy(at: .max) == 1)
  }

  @Test func detectionIsThatOfScikitLearn() throws {
    let golden: Golden = try ScoreGolden.load("text_ranking")
    #expect(golden.detection.count == 7)
    for item in golden.detection {
      var detection = DetectionScore()
      try detection.add(item.scores, arePositive: item.labels)
      #expect(isClose(try #require(detection.areaUnderROC), item.auroc), "\(item.name)")
      #expect(isClose(try #require(detection.averagePrecision), item.aupr), "\(item.name)")
      for (rate, expected) in item.fpr {
        let found = try detection.falsePositiveRate(atTruePositiveRate: try #require(Double(rate)))
        #expect(isClose(try #require(found), expected), "\(item.name) at \(rate)")
      }
    }
  }

  @Test func orderDoesNotMatterAndTheMirrorImageIsTheRest() throws {
    let golden: Golden = try ScoreGolden.load("text_ranking")
    for item in golden.detection {
      var (forward, backward, mirrored) = (DetectionScore(), DetectionScore(), DetectionScore())
      try forward.add(item.scores, arePositive: item.labels)
      try backward.add(item.scores.reversed(), arePositive: item.labels.reversed())
      try mirrored.add(item.scores.map { -$0 }, arePositive: item.labels)
      #expect(forward.areaUnderROC == backward.areaUnderROC)
      #expect(forward.averagePrecision == backward.averagePrecision)
      let (one, other) = (try #require(forward.areaUnderROC), try #require(mirrored.areaUnderROC))
      #expect(isClose(one + other, 1))
    }
  }

  @Test func mistakesInDetectionAreNamed() throws {
    var detection = DetectionScore()
    #expect(throws: ScoreError.notANumber(what: "the score of item 2")) {
      try detection.add([1, .nan], arePositive: [true, false])
    }
    #expect(throws: ScoreError.wrongLength(what: "labels", expected: 1, found: 2)) {
      try detection.add([1], arePositive: [true, false])
    }
    for isPositive in [true, false] {
      var one = detection
      try one.add(.infinity, isPositive: isPositive)
      #expect(one.areaUnderROC == nil && one.averagePrecision == nil)
      #expect(try one.falsePositiveRate() == nil)
    }
    for rate in [-0.1, 1.1, .nan] {
      #expect(throws: ScoreError.self) { try detection.falsePositiveRate(atTruePositiveRate: rate) }
    }
  }
}
