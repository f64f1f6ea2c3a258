import Foundation
import Testing

@testable import Perennial

@Suite struct RunResultsFileTests {
  static let keys = [
    "schema", "recipe", "recipe_sha256", "version", "environment", "stream", "runs", "summary",
    "expectations",
  ]

  func data(_ change: (inout [String: Any]) -> Void) throws -> Data {
    let text = try SampleResults.make().json()
    var object = try #require(try JSONSerialization.jsonObject(with: Data(text.utf8)) as? [String: Any])
    change(&object)
    return try JSONSerialization.data(withJSONObject: object)
  }

  func error(_ data: Data) -> ResultsError? {
    do {
      _ = try RunResults(data: data, file: "runs/a/results.json")
      return nil
    } catch {
      return error as? ResultsError
    }
  }

  @Test func hasTheDocumentedKeysInOrder() throws {
    let text = try SampleResults.make(experiences: 2, seeds: [0]).json()
    let top = text.split(separator: "\n").filter { $0.hasPrefix("  \"") }.compactMap {
      $0.split(separator: "\"").dropFirst().first
    }
    #expect(top.map(String.init) == Self.keys)
    for key in [
      "\"environment\": {\"torch\": \"2.13.0\", \"device\": \"cpu\", \"threads\": 2, \"cpu\": ",
      "\"test_examples\": [70, 71]", "\"task_masked_matrix\": [", "\"random_init\": [0.02, 0.02]",
      "\"learning_curve_area\": null", "\"training_seconds\": ", "\"peak_memory_bytes\": ",
      "\"average_accuracy\": {\"mean\": ", "\"met\": ",
    ] {
      #expect(text.contains(key), "\(key)")
    }
    let order = MetricName.standard.map { text.range(of: "\"\($0.rawValue)\"")?.lowerBound }
    #expect(
      order.allSatisfy { $0 != nil }
        && zip(order, order.dropFirst()).allSatisfy { one, next in
          one.flatMap { one in next.map { one < $0 } } ?? false
        })
  }

  @Test func isReadBackExactlyAndWrittenTheSameEveryTime() throws {
    let folder = try AtomicFileTests.temporaryFolder()
    defer { try? FileManager.default.removeItem(at: folder) }
    let results = SampleResults.make()
    let file = folder.appendingPathComponent(RunResults.fileName)
    try results.write(to: file)
    #expect(try RunResults(contentsOf: file) == results)
    #expect(try RunResults(contentsOf: folder) == results, "a run folder stands for its results")
    #expect(try RunResults(contentsOf: file).json() == results.json())
  }

  @Test func missingFilesAreNamed() {
    let error = #expect(throws: ResultsError.self) {
      try RunResults(contentsOf: URL(fileURLWithPath: "/nowhere/results.json"))
    }
    #expect(error == .unreadable(file: "/nowhere/results.json", reason: "there is no such file"))
  }

  @Test(arguments: keys) func aMissingKeyIsNamed(_ key: String) throws {
    let error = error(try data { $0[key] = nil })
    // The summary is computed from the runs, so a file is whole without it.
    #expect(error == (key == "summary" ? nil : .missingKey(file: "runs/a/results.json", key: key)))
  }

  @Test func nestedKeysAreNamedByTheirPath() throws {
    let missing = error(
      try data { object in
        var runs = object["runs"] as? [[String: Any]] ?? []
        runs[2]["matrix"] = nil
        object["runs"] = runs
      })
    #expect(missing == .missingKey(file: "runs/a/results.json", key: "runs[2].matrix"))
    let wrong = error(
      try data { object in
        var runs = object["runs"] as? [[String: Any]] ?? []
        runs[1]["seed"] = "three"
        object["runs"] = runs
      })
    let text = try #require(wrong?.description)
    #expect(text == "runs/a/results.json: runs[1].seed should be a whole number, not a value of another kind")
  }

  @Test func anotherSchemaIsRefused() throws {
    let error = error(try data { $0["schema"] = 2 })
    #expect(error == .unsupportedSchema(file: "runs/a/results.json", found: 2))
    #expect(error?.description.contains("schema 1") == true)
  }

  @Test func matricesMustFitTheStream() throws {
    let short = error(
      try data { object in
        var runs = object["runs"] as? [[String: Any]] ?? []
        runs[0]["matrix"] = [[0.5, 0.5]]
        object["runs"] = runs
      })
    #expect(
      short
        == .wrongValue(
          file: "runs/a/results.json", key: "runs[0].matrix[0]", expected: "5 numbers", found: "2"))
    let none = error(
      try data { object in
        var runs = object["runs"] as? [[String: Any]] ?? []
        runs[0]["matrix"] = [[Double]]()
        object["runs"] = runs
      })
    #expect(none?.description.contains("runs[0].matrix") == true)
  }

  @Test func everyTruncationIsRefusedWithTheFilesName() throws {
    let whole = Data(try SampleResults.make(experiences: 2, seeds: [0]).json().utf8)
    for length in stride(from: 0, to: whole.count - 2, by: 37) {
      let error = error(whole.prefix(length))
      guard case .notJSON(let file, _)? = error else {
        Issue.record("\(length) bytes gave \(error as Any)")
        continue
      }
      #expect(file == "runs/a/results.json")
    }
  }

  /// The same damage every time, so that what it finds can be found again (SplitMix64).
  struct Seeded: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
      state &+= 0x9E37_79B9_7F4A_7C15
      var mixed = (state ^ (state >> 30)) &* 0xBF58_476D_1CE4_E5B9
      mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
      return mixed ^ (mixed >> 31)
    }
  }

  @Test func noDamagedByteCrashesTheReaderOrTheReport() throws {
    let whole = Data(try SampleResults.make(experiences: 2, seeds: [0]).json().utf8)
    var generator = Seeded(state: 7)
    for _ in 0..<300 {
      var damaged = whole
      for _ in 0..<Int.random(in: 1...4, using: &generator) {
        damaged[Int.random(in: 0..<damaged.count, using: &generator)] = UInt8.random(
          in: 32...126, using: &generator)
      }
      do {
        let results = try RunResults(data: damaged, file: "x")
        #expect(!Report.html(for: results, recipe: "").isEmpty)
        #expect(!results.textTable.isEmpty)
      } catch {
        #expect(error is ResultsError, "\(error)")
      }
    }
  }

  @Test func aNumberThatJSONCannotHoldIsNamedWhenWriting() {
    var results = SampleResults.make()
    results.runs[0].cost.examplesPerSecond = .infinity
    let error = #expect(throws: EncodingError.self) { try results.json() }
    #expect(error.map { "\($0)" }?.contains("runs[0].cost.examples_per_second") == true)
  }

  @Test func metricsOfOtherModalitiesSurvive() throws {
    var results = SampleResults.make(experiences: 2, seeds: [0, 1])
    results.runs[0].metrics["perplexity"] = 12.5
    results.runs[1].metrics["perplexity"] = 13.5
    let copy = try RunResults(data: Data(try results.json().utf8), file: "x")
    #expect(copy == results)
    #expect(copy.measuredMetrics.last == "perplexity")
    #expect(copy.statistic("perplexity", of: "finetune")?.mean == 13)
    #expect(Report.html(for: copy, recipe: "").contains("perplexity"))
  }
}
