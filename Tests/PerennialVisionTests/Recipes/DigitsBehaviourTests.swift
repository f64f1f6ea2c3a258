import Foundation
import Testing
import Torch

@testable import Perennial
@testable import PerennialVision

/// What methods are for, on the digits that come with Perennial: whole runs, small enough for every test.
@Suite struct DigitsBehaviourTests {
  /// The average accuracy of each arm.
  private func accuracies(_ stream: String, hidden: [Int], training: String, arms: String) throws
    -> [String: Double]
  {
    let recipe = try Recipe(
      yaml: """
        name: behaviour
        stream: \(stream)
        model: {mlp: {hidden: \(hidden)}}
        training: \(training)
        strategies:
        \(arms)
        seeds: [0]
        """, source: "behaviour.yaml")
    return try TaughtRecipeTests.run(recipe) { _, results in
      Dictionary(uniqueKeysWithValues: results.runs.map { ($0.strategy, $0.metrics[.averageAccuracy] ?? 0) })
    }
  }

  @Test func darkExperienceReplayRemembers() throws {
    let found = try accuracies(
      "{data: digits, scenario: class, experiences: 5}", hidden: [64],
      training: "{optimizer: {sgd: {lr: 0.1}}, batch: 16, epochs: 5}",
      arms: """
          finetune: []
          der++: [{der++: {memory: 200, alpha: 0.5, beta: 1}}]
        """)
    let (forgetful, remembering) = (try #require(found["finetune"]), try #require(found["der++"]))
    #expect(forgetful < 0.25, "two of ten classes are left")
    #expect(remembering > 0.7, "\(found)")
  }

  /// IntelLabs/distiller taught students of 3-bit weights and 8-bit activations (DoReFa) at T = 5, and they fell from 91.4 %
  /// to 80.0 %, while T = 1 gained.
  @Test func intelDistillerCollapsesAtHighTemperatures() throws {
    func student(_ temperature: Int) -> String {
      "[{quantization: {scheme: dorefa, weights: 3}}, "
        + "{distillation: {teacher: big, temperature: \(temperature), weight: 0.7, hard: 0.3}}]"
    }
    let found = try accuracies(
      "{data: digits, scenario: class, experiences: 1}", hidden: [32, 32],
      training: "{optimizer: {adam: {lr: 0.002}}, batch: 32, epochs: 15}",
      arms: """
          big: {model: {mlp: {hidden: [128, 128]}}, strategies: []}
          alone: [{quantization: {scheme: dorefa, weights: 3}}]
          cold: \(student(1))
          hot: \(student(5))
        """)
    let (big, alone) = (try #require(found["big"]), try #require(found["alone"]))
    let (cold, hot) = (try #require(found["cold"]), try #require(found["hot"]))
    #expect(big > 0.85 && alone > 0.85, "\(found)")
    #expect(cold > alone - 0.05 && hot > alone - 0.05, "\(found)")
  }
}
