import Foundation
import Perennial
import Testing

/// `--tune` and `--max-forgetting`.
@Suite struct TuneTests {
  static func recipe(_ validation: Double, _ arm: String = "ewc: [{ewc: {lambda: 100}}]") -> String {
    """
    stream: {data: {digits: {limit: 40}}, scenario: domain, experiences: 5, validation: \(validation)}
    model: {mlp: {hidden: [16]}}
    training: {optimizer: {adam: {lr: 0.01}}, batch: 16, steps: 10}
    strategies: {\(arm)}
    seeds: [0]
    """
  }

  @Test func choicesAreInTheResultsAndTheLog() throws {
    let run = try TestRun(Self.recipe(0.25))
    let ending = try run.learn("--tune")
    try #require(ending.status == 0, "\(ending.errors)")
    #expect(ending.errors.contains("tuned to learning rate"))
    let results = try RunResults(contentsOf: run.run().appendingPathComponent("results.json"))
    let choices = try #require(results.runs[0].tuning)
    #expect(choices.map(\.experience) == [0, 1, 2, 3, 4])
    #expect(choices[0].strengths.isEmpty && choices[1].strengths["ewc"] != nil)
    let events = try String(contentsOf: run.run().appendingPathComponent("events.jsonl"), encoding: .utf8)
    #expect(events.components(separatedBy: #""event": "tuned""#).count == 6)
  }

  @Test func aBudgetThatIsNotKeptIsSaid() throws {
    let run = try TestRun(Self.recipe(0.25, "finetune: []"))
    let ending = try run.learn("--max-forgetting", "0.0")
    try #require(ending.status == 0, "\(ending.errors)")
    let line = "finetune seed 0: the budget of forgetting was not kept"
    #expect(ending.output.contains(line) && ending.errors.contains(line))
    let results = try RunResults(contentsOf: run.run().appendingPathComponent("results.json"))
    #expect(results.runs[0].forgettingBudget?.count == 4)
  }

  @Test(arguments: [["--tune"], ["--max-forgetting", "0.02"]])
  func withoutValidationExamplesTheFixIsTold(option: [String]) throws {
    let run = try TestRun(Self.recipe(0))
    let ending = try Program(run.arguments + option, environment: [:]).wait()
    #expect(ending.status == 65)
    #expect(ending.errors.contains("set `stream.validation`"))
  }
}
