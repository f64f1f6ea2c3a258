import Foundation
import Testing
import Torch

@testable import Perennial

/// Clusters and a small MLP for recipes, without any file.
struct TinyModality: Modality {
  var width = 8

  func stream(_ recipe: Recipe, seed: UInt64) throws -> Perennial.Stream {
    let scenario = Scenario(rawValue: recipe.stream.scenario.name) ?? .classIncremental
    return try Clusters(perTest: 20, width: width, spread: 1).stream(
      scenario, experiences: recipe.stream.experiences, pipeline: .noisy(), seed: seed)
  }

  func blueprint(_ recipe: Recipe, for stream: Perennial.Stream) throws -> Blueprint {
    .tiny(inputs: width, batchNorm: true, dropout: 0.2) {
      try HeadRegistry.make(recipe.head, features: $0, $1)
    }
  }

  static let arms = [
    "finetune: []", "joint: [{joint: {}}]", "er: [{replay: {memory: 12, policy: class-balanced}}]",
    "ewc: [{ewc: {lambda: 10}}]", "lwf: [{lwf: {}}]",
    "all: [{replay: {memory: 12}}, {lwf: {}}, {ewc: {mode: online}}]",
  ]

  static func recipe(
    _ arms: [String] = arms, seeds: [Int] = [0], scenario: String = "class", training: String = "",
    learningRate: String = "0.1"
  ) throws -> Recipe {
    let yaml = """
      name: tiny
      stream: {data: clusters, scenario: \(scenario), experiences: 3}
      model: mlp
      training: {optimizer: {sgd: {lr: \(learningRate), momentum: 0.9}}, batch: 8, steps: 3\(training)}
      strategies:
        \(arms.joined(separator: "\n  "))
      seeds: \(seeds)
      """
    return try Recipe(yaml: yaml, source: "tiny.yaml")
  }
}

/// Notes all events of a run.
final class EventList: RunObserver {
  private(set) var events: [RunEvent] = []
  private let react: (RunEvent) -> Void

  init(_ react: @escaping (RunEvent) -> Void = { _ in }) { self.react = react }

  func note(_ event: RunEvent) {
    events.append(event)
    react(event)
  }

  var warnings: [String] { events.compactMap { if case .warning(let text) = $0 { text } else { nil } } }
  var steps: Int { events.count { if case .step = $0 { true } else { false } } }
  /// The step at which each run started or went on.
  var starts: [Int] { events.compactMap { if case .started(_, let step, _) = $0 { step } else { nil } } }
}
