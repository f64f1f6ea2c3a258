import Foundation
import Testing
import Torch

@testable import Perennial
@testable import PerennialVision

/// Rows that time has ordered.
@Suite struct TimeTableTests {
  static func table(_ rows: [[Float]], classes: [Int]) throws -> LabeledTable {
    try LabeledTable(
      features: Tensor(rows.flatMap { $0 }, shape: [rows.count, rows[0].count]), featureNames: ["a", "b"],
      targets: .classes(classes, names: ["0", "1"]))
  }

  static func rows(_ count: Int, change: Int? = nil) -> [[Float]] {
    (0..<count).map { index in
      let late: Float = change.map { index >= $0 ? 1000 : 0 } ?? 0
      return [Float(index * index % 17) + late, Float(index % 5) - 2 * late]
    }
  }

  static func source(_ rows: [[Float]], forecast: String? = nil) throws -> DataSource {
    try .inOrderOfTime(
      table(rows, classes: rows.indices.map { $0 % 2 }), name: "t", forecast: forecast, testEvery: 5)
  }

  /// The mistake of scaling by the mean of all rows: what happens later would be in every row.
  @Test(arguments: [nil, "a"])
  func mistakeScalingByTheFuture(forecast: String?) throws {
    let calm = try Self.source(Self.rows(50), forecast: forecast)
    let changed = try Self.source(Self.rows(50, change: 30), forecast: forecast)
    func upTo(_ source: DataSource, _ row: Int) throws -> [[Float]] {
      try [source.train, source.test].map { examples in
        let ids = try examples.identifiers.integers()
        let places = ids.indices.filter { ids[$0] < row }
        return try examples.select(places).inputs.array(of: Float.self)
      }
    }
    #expect(try upTo(calm, 30) == upTo(changed, 30))
    #expect(try upTo(calm, 40) != upTo(changed, 40))
  }

  @Test func rowsAreInUnitsOfWhatCameBefore() throws {
    let rows = Self.rows(40)
    let source = try Self.source(rows)
    #expect(try source.train.identifiers.integers() == (0..<40).filter { $0 % 5 != 4 })
    #expect(try source.test.identifiers.integers() == (0..<40).filter { $0 % 5 == 4 })
    #expect(source.isOrdered)
    #expect(try source.train.targets.integers() == (0..<40).filter { $0 % 5 != 4 }.map { $0 % 2 })
    // Row 12 against the mean and deviation of the learned rows up to it.
    let seen = (0...12).filter { $0 % 5 != 4 }.map { Double(rows[$0][0]) }
    let mean = seen.reduce(0, +) / Double(seen.count)
    let deviation = (seen.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Double(seen.count)).squareRoot()
    let place = try #require(try source.train.identifiers.integers().firstIndex(of: 12))
    let value = try source.train.inputs.array(of: Float.self)[place * 2]
    #expect(abs(Double(value) - (Double(rows[12][0]) - mean) / deviation) < 1e-5)
  }

  @Test func aForecastIsTheNextValue() throws {
    let source = try Self.source(Self.rows(41), forecast: "a")
    #expect(source.train.count + source.test.count == 40)
    #expect(source.train.targets.dtype == .float32)
    let targets = try source.train.targets.array(of: Float.self)
    #expect(targets.allSatisfy { abs($0) <= 10 } && Set(targets).count > 10)
  }

  @Test func instanceStreamsKeepTheOrderOfTime() throws {
    let source = try Self.source(Self.rows(50))
    var plan = StreamPlan(scenario: .instanceIncremental, experiences: 4)
    plan.validation = 0.2
    let stream = try plan.stream(of: source, seed: 3)
    var last = -1
    for index in 0..<4 {
      let identifiers = try stream.experience(index).examples.identifiers.integers()
      #expect(identifiers == identifiers.sorted() && identifiers[0] > last)
      last = identifiers.last ?? last
    }
  }

  /// The data root where it has both sets.
  static let data: String? = ProcessInfo.processInfo.environment["PERENNIAL_DATA"].flatMap { root in
    ["elec2", "noaa-weather"].allSatisfy { FileManager.default.fileExists(atPath: "\(root)/\($0)") }
      ? root : nil
  }

  @Test(.enabled(if: TimeTableTests.data != nil)) func theRealStreamsAreRead() throws {
    let sources = DataSources(root: DataRoot(Self.data))
    func source(_ yaml: String) throws -> DataSource {
      try sources.source(Selection(ConfigurationNode(yaml: yaml, source: "recipe.yaml")))
    }
    let prices = try source("elec2")
    #expect(prices.train.count + prices.test.count == 45_312 && prices.test.count == 4531)
    #expect(prices.train.inputs.shape[1] == 6)
    #expect(try source("elec2: {target: demand}").train.targets.dtype == .float32)
    let weather = try source("noaa-weather: {test_every: 5}")
    #expect(weather.train.count + weather.test.count == 18_159)
    #expect(try source("noaa-weather: {target: temperature}").train.count == 16_343)
  }
}
