import Foundation
import Testing
import Torch

@testable import Perennial

/// Against river 0.26.1 and scipy: `Scripts/golden/drift.py`.
@Suite struct DriftDetectorTests {
  struct Golden: Decodable {
    struct Case: Decodable {
      let detector, stream: String
      let drifts, warnings: [Int]
      let trace: [[Double]]
    }
    struct Sample: Decodable {
      let one, other: [Double]
      let statistic, p: Double
    }
    struct Discrepancy: Decodable {
      let one, other: [[Double]]
      let statistic: Double
    }
    struct Windows: Decodable {
      let values: [Double]
      let draws: [[Int]]
      let p: [Double]
      let drifts: [Int]
    }
    let streams: [String: [Double]]
    let cases: [Case]
    let samples: [Sample]
    let discrepancies: [Discrepancy]
    let kswin: [Windows]
  }

  static func golden() throws -> Golden {
    let url = try #require(
      Bundle.module.url(forResource: "drift", withExtension: "json", subdirectory: "Golden"))
    return try JSONDecoder().decode(Golden.self, from: Data(contentsOf: url))
  }

  struct Followed {
    var drifts: [Int] = []
    var warnings: [Int] = []
    var trace: [[Double]] = []
  }

  /// Runs a detector over a stream; every `saved` numbers it goes through its encoding.
  static func follow<Detector: DriftDetector>(
    _ start: Detector, _ values: [Double], saved: Int? = nil, _ look: (Detector) -> [Double] = { _ in [] }
  ) throws -> Followed {
    var detector = start
    var followed = Followed()
    for (index, value) in values.enumerated() {
      detector.update(value)
      if detector.isDrift { followed.drifts.append(index) }
      if detector.isWarning { followed.warnings.append(index) }
      if index % 50 == 49 { followed.trace.append(look(detector)) }
      if let saved, index % saved == 0 {
        detector = try JSONDecoder().decode(Detector.self, from: JSONEncoder().encode(detector))
      }
    }
    return followed
  }

  static func follow(_ name: String, _ values: [Double]) throws -> Followed {
    switch name {
    case "adwin": return try follow(ADWIN(), values) { [$0.width, $0.total, $0.deviation] }
    case "adwin-fast":
      var options = ADWIN.Options()
      (options.delta, options.clock, options.buckets, options.minimumPart, options.grace) = (0.05, 1, 3, 2, 5)
      return try follow(ADWIN(options), values) { [$0.width, $0.total, $0.deviation] }
    case "page-hinkley":
      var options = PageHinkley.Options()
      options.threshold = 20
      return try follow(PageHinkley(options), values) { [$0.increase, $0.decrease] }
    case "page-hinkley-up":
      var options = PageHinkley.Options()
      (options.threshold, options.delta, options.alpha) = (10, 0.01, 0.999)
      (options.direction, options.warmUp) = (.up, 50)
      return try follow(PageHinkley(options), values) { [$0.increase, $0.decrease] }
    case "ddm": return try follow(DDM(), values) { [$0.rate] }
    case "eddm": return try follow(EDDM(), values) { [$0.largest] }
    case "hddm-a", "hddm-a-two":
      var options = HDDMA.Options()
      options.twoSided = name == "hddm-a-two"
      return try follow(HDDMA(options), values) { [$0.means.all, $0.means.low] }
    case "hddm-w": return try follow(HDDMW(), values) { [$0.mean] }
    default:
      var options = HDDMW.Options()
      (options.twoSided, options.weight) = (true, 0.1)
      return try follow(HDDMW(options), values) { [$0.mean] }
    }
  }

  @Test func detectionsAndStatisticsAreRivers() throws {
    let golden = try Self.golden()
    #expect(golden.cases.count == 34)
    for item in golden.cases {
      let values = try #require(golden.streams[item.stream])
      let ours = try Self.follow(item.detector, values)
      let what = "\(item.detector) on \(item.stream)"
      #expect(ours.drifts == item.drifts, "\(what)")
      #expect(ours.warnings == item.warnings, "\(what)")
      try #require(ours.trace.count == item.trace.count)
      for (index, (one, other)) in zip(ours.trace, item.trace).enumerated() {
        for (a, b) in zip(one, other) {
          #expect(abs(a - b) <= 1e-9 * max(1, abs(b)), "\(what), after \(50 * index + 50) numbers")
        }
      }
    }
    #expect(golden.cases.contains { $0.drifts.count > 1 } && golden.cases.contains { $0.warnings.count > 1 })
  }

  @Test func theTwoSampleTestIsScipys() throws {
    let samples = try Self.golden().samples
    #expect(samples.count == 6)
    for sample in samples {
      let test = KolmogorovSmirnov(sample.one, sample.other)
      #expect(abs(test.statistic - sample.statistic) < 1e-12)
      #expect(abs(test.pValue - sample.p) <= 1e-9 * sample.p, "\(test.pValue) \(sample.p)")
    }
    #expect(KolmogorovSmirnov([1, 2], [1, 2]).pValue == 1)
  }

  /// river's KSWIN, with the places that it drew.
  @Test func kswinIsRiversWithTheSameDraws() throws {
    for golden in try Self.golden().kswin {
      var options = KSWIN.Options()
      if golden.drifts.isEmpty { options.alpha = 0.01 }
      var detector = KSWIN(options)
      var (draws, drifts): (Int, [Int]) = (0, [])
      for value in golden.values {
        let before = draws
        detector.update(value) { population, count in
          #expect(population == 70 && count == 30)
          draws += 1
          return golden.draws[draws - 1]
        }
        guard draws > before else { continue }
        #expect(abs(detector.pValue - golden.p[draws - 1]) <= 1e-9)
        if detector.isDrift { drifts.append(draws - 1) }
      }
      #expect(draws == golden.draws.count && drifts == golden.drifts)
    }
  }

  @Test func kswinDrawsItsOwnWindows() throws {
    let values = try #require(try Self.golden().streams["levels"])
    func drifts(_ seed: Int) throws -> [Int] {
      var options = KSWIN.Options()
      options.seed = seed
      return try Self.follow(KSWIN(options), values).drifts
    }
    #expect(try drifts(1) == drifts(1))
    #expect(try drifts(1).contains { (600..<700).contains($0) })
    #expect(try Set((1...5).map(drifts)).count > 1)
  }

  @Test func meanDiscrepancyIsThatOfTheFormula() throws {
    let cases = try Self.golden().discrepancies
    #expect(cases.count == 2)
    let values = cases.map {
      FeatureDrift.discrepancy($0.one, $0.other, 200, RandomStreams(seed: 1).numbers("test"))
    }
    for (ours, golden) in zip(values, cases) {
      #expect(abs(ours.statistic - golden.statistic) < 1e-12)
    }
    #expect(values[0].pValue > values[1].pValue)
  }

  /// Going on from an encoding gives what never stopping gives.
  @Test(arguments: DriftDetectorRegistry.names)
  func aSavedDetectorGoesOn(name: String) throws {
    func same(_ detector: some DriftDetector, _ values: [Double]) throws {
      let whole = try Self.follow(detector, values)
      let saved = try Self.follow(detector, values, saved: 7)
      #expect(whole.drifts == saved.drifts && whole.warnings == saved.warnings)
      #expect(!whole.drifts.isEmpty, "\(name)")
    }
    let streams = try Self.golden().streams
    let values = try #require(streams[name == "kswin" ? "levels" : "bits_up"])
    let yaml = name == "page-hinkley" ? "page-hinkley: {threshold: 20}" : name
    try same(
      DriftDetectorRegistry.make(Selection(ConfigurationNode(yaml: yaml, source: "test"))), values)
  }

  @Test(arguments: FeatureDrift.Test.allCases)
  func changedFeaturesAreNoticed(test: FeatureDrift.Test) throws {
    var options = FeatureDrift.Options()
    (options.test, options.window) = (test, 30)
    var detector = FeatureDrift(options)
    let generator = try Generator(seed: 5)
    var drifts: [Int] = []
    for index in 0..<240 {
      // The second of four features moves after 120 rows.
      var row = try Tensor.normal([4], generator).array(of: Float.self).map(Double.init)
      if index >= 120 { row[1] += 2 }
      detector.update(row)
      if detector.isDrift { drifts.append(index) }
    }
    #expect(drifts == [149])
  }

  /// Without the correction for the number of features, some feature always seems to have moved.
  @Test func mistakeTestingManyFeaturesWithoutCorrection() throws {
    let generator = try Generator(seed: 9)
    func rows(_ count: Int) throws -> [[Double]] {
      try (0..<count).map { _ in try Tensor.normal([200], generator).array(of: Float.self).map(Double.init) }
    }
    let (one, other) = (try rows(40), try rows(40))
    let least = (0..<200).map { place in
      KolmogorovSmirnov(one.map { $0[place] }, other.map { $0[place] }).pValue
    }.min()
    let lowest = try #require(least)
    #expect(lowest < 0.05)
    #expect(FeatureDrift.kolmogorovSmirnov(one, other) > 0.05)
  }

  @Test(arguments: [
    "adwin: {delta: 2}", "ddm: {drift: 1}", "eddm: {beta: 0.99}", "kswin: {window: 40}",
    "hddm-w: {weight: 0}",
    "page-hinkley: {threshold: -1}", "cusum",
  ])
  func mistakesInARecipeAreTold(yaml: String) throws {
    #expect(throws: ConfigurationError.self) {
      try DriftDetectorRegistry.make(Selection(ConfigurationNode(yaml: yaml, source: "test")))
    }
  }
}
