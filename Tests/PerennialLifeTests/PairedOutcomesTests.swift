import Foundation
import Testing

@testable import PerennialLife

/// Against scipy and statsmodels; see Golden/paired.py.
@Suite struct PairedOutcomesTests {
  private struct Golden: Decodable {
    struct Case: Decodable {
      let table: [Int]
      let pDifferent: Double
      let pWorse: Double
      let surelyDropped95: Double
      let surelyDropped99: Double
      let gainInterval: [Double]
    }
    let cases: [Case]
    let quantiles: [[Double]]

    static func read() throws -> Golden {
      let url = try #require(
        Bundle.module.url(forResource: "paired", withExtension: "json", subdirectory: "Golden"))
      let decoder = JSONDecoder()
      decoder.keyDecodingStrategy = .custom { path in
        let words = (path.last?.stringValue ?? "").split(separator: "_").map(String.init)
        return Key(words[0] + words.dropFirst().map(\.capitalized).joined())
      }
      return try decoder.decode(Golden.self, from: Data(contentsOf: url))
    }
  }

  private struct Key: CodingKey {
    let stringValue: String
    var intValue: Int? { nil }
    init(_ text: String) { stringValue = text }
    init?(stringValue: String) { self.stringValue = stringValue }
    init?(intValue: Int) { nil }
  }

  @Test func testsAndBoundsAreThoseOfTheLibraries() throws {
    let golden = try Golden.read()
    #expect(golden.cases.count > 8)
    for one in golden.cases {
      let t = one.table
      let outcomes = PairedOutcomes(bothRight: t[0], lost: t[1], gained: t[2], bothWrong: t[3])
      #expect(abs(outcomes.pDifferent - one.pDifferent) < 1e-10, "\(t)")
      #expect(abs(outcomes.pWorse - one.pWorse) < 1e-10, "\(t)")
      #expect(abs(outcomes.surelyDropped(confidence: 0.95) - one.surelyDropped95) < 1e-10, "\(t)")
      #expect(abs(outcomes.surelyDropped(confidence: 0.99) - one.surelyDropped99) < 1e-10, "\(t)")
      // Both resample: they agree as far as resampling does.
      let interval = outcomes.gainInterval(confidence: 0.95, resamples: 20000)
      let step = max(1.5 / Double(outcomes.total), 0.003)
      #expect(abs(interval.lowerBound - one.gainInterval[0]) <= step, "\(t)")
      #expect(abs(interval.upperBound - one.gainInterval[1]) <= step, "\(t)")
    }
  }

  @Test func quantilesOfTheNormalDistribution() throws {
    for pair in try Golden.read().quantiles { #expect(abs(Normal.quantile(pair[0]) - pair[1]) < 1e-9) }
  }

  @Test func outcomesAreCountedFromAnswers() throws {
    let outcomes = try PairedOutcomes(
      before: [true, true, false, false, true], after: [true, false, true, false, false])
    #expect(outcomes == PairedOutcomes(bothRight: 1, lost: 2, gained: 1, bothWrong: 1))
    #expect(outcomes.drop == 0.2)
    #expect(PairedOutcomes().drop == 0 && PairedOutcomes().pWorse == 1)
    #expect(throws: (any Error).self) { try PairedOutcomes(before: [true], after: []) }
  }
}
