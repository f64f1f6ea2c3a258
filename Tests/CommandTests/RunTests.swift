import Foundation
import Perennial
import Testing

/// What `perennial run` writes and prints, and what its options do.
@Suite struct RunTests {
  static let recipe = """
    stream: {data: digits, scenario: class, experiences: 2}
    model: {mlp: {hidden: [16]}}
    training: {optimizer: {adam: {lr: 0.01}}, batch: 32, steps: 25}
    strategies:
      finetune: []
      replay: [{replay: {memory: 100}}]
      joint: [joint]
    seeds: [0, 1]
    expect:
      replay: {average_accuracy: {at_least: 0.3, source: this test}}
      joint: {average_accuracy: {value: 0.8, tolerance: 0.2, source: this test}}
    """

  @Test func aRunLeavesWhatWasPromised() throws {
    let run = try TestRun(Self.recipe, name: "a/b")
    let ending = try run.learn("--check")
    try #require(ending.status == 0, "\(ending.errors)")
    let folder = try run.run()
    #expect(folder.path.hasPrefix(run.out + "/a/b/20"))
    let names = try FileManager.default.contentsOfDirectory(atPath: folder.path)
    #expect(
      Set(names).isSuperset(of: [
        "recipe.yaml", "results.json", "events.jsonl", "checkpoints", "report.html", "tensorboard",
      ]))
    #expect(
      try FileManager.default.contentsOfDirectory(atPath: folder.path + "/checkpoints").filter {
        $0.hasSuffix(".safetensors")
      }.count == 6)

    // The table is all that standard output gets.
    let lines = ending.output.split(separator: "\n")
    #expect(lines.first?.contains("average accuracy") == true)
    for arm in ["finetune", "replay", "joint"] {
      #expect(lines.contains { $0.hasPrefix(arm) && $0.contains("±") }, "\(ending.output)")
    }
    #expect(ending.errors.contains("[1/6] finetune seed 0: started\n"))
    #expect(ending.errors.contains("[6/6] joint seed 1: average accuracy "))
    #expect(!ending.errors.contains("\r"))
    #expect(ending.errors.hasSuffix("report: \(folder.path)/report.html\n"))

    let results = try RunResults(contentsOf: folder.appendingPathComponent("results.json"))
    #expect(results.recipe == "a/b")
    #expect(results.runs.map(\.strategy) == ["finetune", "finetune", "replay", "replay", "joint", "joint"])
    #expect(results.environment.threads == 1 && results.environment.device == "cpu")
    #expect(results.expectations.count == 2 && results.expectations.allSatisfy(\.met))
    for run in results.runs {
      #expect(run.metrics[.averageAccuracy] == run.matrix[1].reduce(0, +) / 2)
      #expect(run.cost.steps == (run.strategy == "joint" ? 75 : 50))
      #expect(run.cost.parameters == 64 * 16 + 16 + 16 * 10 + 10)
      #expect((run.cost.replayBytes > 0) == (run.strategy != "finetune"))
      #expect(run.cost.trainingSeconds > 0 && run.cost.peakMemoryBytes > 0)
    }
    // The recipe in the folder is all that is needed to do the same again.
    let again = try Program.run(
      "run", folder.appendingPathComponent("recipe.yaml").path, "--out", run.out, "--threads", "1")
    #expect(again.status == 0)
    try Learned(run.runs[1]).expectSame(as: Learned(folder))
  }

  @Test func everyEventIsALineOfJSON() throws {
    let run = try TestRun(Self.recipe)
    #expect(try run.learn("--strategies", "replay", "--seed", "5").status == 0)
    let text = try String(contentsOf: run.run().appendingPathComponent("events.jsonl"), encoding: .utf8)
    let events = try text.split(separator: "\n").map {
      try #require(try JSONSerialization.jsonObject(with: Data($0.utf8)) as? [String: Any])
    }
    let kinds = events.compactMap { $0["event"] as? String }
    #expect(kinds.count == events.count)
    #expect(kinds.first == "started" && kinds.last == "finished")
    #expect(kinds.count { $0 == "evaluated" } == 2)
    #expect(events.allSatisfy { $0["strategy"] as? String == "replay" && $0["seed"] as? Int == 5 })
  }

  @Test func jsonIsTheResultsFile() throws {
    let run = try TestRun(Self.recipe)
    let ending = try run.learn(
      "--json", "--seed", "4", "2", "--strategies", "joint,finetune", "--threads", "2")
    #expect(ending.status == 0)
    let file = try run.run().appendingPathComponent("results.json")
    #expect(try ending.output == String(contentsOf: file, encoding: .utf8))
    let results = try RunResults(contentsOf: file)
    #expect(
      results.runs.map { "\($0.strategy) \($0.seed)" } == ["finetune 4", "finetune 2", "joint 4", "joint 2"])
    #expect(results.environment.threads == 2)
    #expect(results.runs[0].metrics[.intransigence] != nil)
  }

  @Test func theRecipeCanBeChanged() throws {
    let run = try TestRun(Self.recipe)
    let ending = try run.learn(
      "--set", "training.steps=3", "--set", "model.mlp.hidden=[4]", "--set",
      "strategies.replay.replay.memory=10",
      "--set", "seeds=[7]", "--strategies", "replay")
    #expect(ending.status == 0, "\(ending.errors)")
    let results = try RunResults(contentsOf: run.run().appendingPathComponent("results.json"))
    #expect(results.runs.map(\.seed) == [7])
    #expect(results.runs[0].cost.steps == 6)
    #expect(results.runs[0].cost.parameters == 64 * 4 + 4 + 4 * 10 + 10)
    let recipe = try String(contentsOf: run.run().appendingPathComponent("recipe.yaml"), encoding: .utf8)
    #expect(recipe.contains("memory: 10") && !recipe.contains("finetune"))
  }

  @Test func aMissedExpectationIsAStatusOfItsOwn() throws {
    let run = try TestRun(Self.recipe.replacing("at_least: 0.3", with: "at_least: 0.999"))
    let ending = try run.learn("--check", "--strategies", "replay", "--seed", "0")
    #expect(ending.status == 2)
    #expect(ending.output.contains("0.999") || ending.output.contains("99.9"))
    // Without --check it is told but is no failure, and a finished run is not resumed.
    let told = try run.learn("--strategies", "replay", "--seed", "0")
    #expect(told.status == 0)
    #expect(told.output.contains("this test"))
    let nothing = try run.learn("--check", "--strategies", "finetune", "--seed", "0")
    #expect(nothing.status == 0)
    #expect(nothing.errors.contains("--check: the recipe expects nothing of these strategies"))
  }

  @Test func seedsMatterAndRepeat() throws {
    let runs = try (0..<2).map { _ in try TestRun(Self.recipe) }
    for run in runs { #expect(try run.learn("--strategies", "replay").status == 0) }
    let learned = try runs.map { try Learned($0.run()) }
    learned[0].expectSame(as: learned[1])
    #expect(learned[0].weights["replay-0.safetensors"] != learned[0].weights["replay-1.safetensors"])
  }
}
