import Foundation
import Testing

/// A recipe on disk with a folder for its runs.
final class TestRun {
  let folder: TestFolder
  let recipe: URL
  let name: String

  /// - Parameter recipe: YAML whose `name` is `test`.
  init(_ recipe: String, name: String = "test") throws {
    folder = try TestFolder()
    self.name = name
    self.recipe = try folder.write("name: \(name)\n" + recipe, "recipe.yaml")
  }

  /// The folder of runs.
  var out: String { folder.url("runs").path }

  var arguments: [String] { ["run", recipe.path, "--out", out, "--threads", "1"] }

  func start(_ more: String..., environment: [String: String?] = [:]) throws -> Program {
    try Program(arguments + more, environment: environment)
  }

  func learn(_ more: String..., environment: [String: String?] = [:]) throws -> Program.Ending {
    try Program(arguments + more, environment: environment).wait()
  }

  /// The run folders, oldest first.
  var runs: [URL] { folder.names("runs/\(name)").map { folder.url("runs/\(name)/\($0)") } }

  /// The only run folder.
  func run() throws -> URL {
    try #require(runs.count == 1, "\(runs.map(\.lastPathComponent))")
    return runs[0]
  }

  /// How many events the newest run has logged.
  var eventCount: Int {
    guard let newest = runs.last,
      let data = try? Data(contentsOf: newest.appendingPathComponent("events.jsonl"))
    else { return 0 }
    return data.count { $0 == UInt8(ascii: "\n") }
  }

  /// Waits until the newest run has logged so many events, or its program has ended.
  func wait(for events: Int, of program: Program) {
    while eventCount < events, program.isRunning { usleep(500) }
  }
}

/// What must be the same however often a run was stopped: everything but times and memory, and every weight.
struct Learned {
  /// The JSON of each run, by strategy and seed.
  let runs: [String: NSDictionary]
  /// The bytes of each file of weights.
  let weights: [String: Data]

  init(_ folder: URL) throws {
    let data = try Data(contentsOf: folder.appendingPathComponent("results.json"))
    let json = try #require(try JSONSerialization.jsonObject(with: data) as? [String: Any])
    let listed = try #require(json["runs"] as? [[String: Any]])
    runs = try Dictionary(
      uniqueKeysWithValues: listed.map { run in
        var run = run
        var cost = try #require(run["cost"] as? [String: Any])
        for key in [
          "training_seconds", "evaluation_seconds", "examples_per_second", "peak_memory_bytes",
          "latency_seconds",
        ] {
          #expect(cost.removeValue(forKey: key) != nil, "\(key)")
        }
        run["cost"] = cost
        return ("\(run["strategy"] ?? "")-\(run["seed"] ?? "")", run as NSDictionary)
      })
    let checkpoints = folder.appendingPathComponent("checkpoints")
    let names = try FileManager.default.contentsOfDirectory(atPath: checkpoints.path)
    weights = try Dictionary(
      uniqueKeysWithValues: names.filter { $0.hasSuffix(".safetensors") }.map {
        ($0, try Data(contentsOf: checkpoints.appendingPathComponent($0)))
      })
  }

  /// Expects the same runs and the same weights, and that both have some.
  func expectSame(as other: Learned, sourceLocation: SourceLocation = #_sourceLocation) {
    #expect(!runs.isEmpty && Set(runs.keys) == Set(other.runs.keys), sourceLocation: sourceLocation)
    #expect(
      Set(weights.keys) == Set(other.runs.keys.map { "\($0).safetensors" }), sourceLocation: sourceLocation)
    for (name, run) in runs {
      #expect(run == other.runs[name], "\(name)", sourceLocation: sourceLocation)
    }
    for (name, bytes) in weights {
      #expect(bytes == other.weights[name], "\(name)", sourceLocation: sourceLocation)
    }
  }
}
