import Testing
import Torch

@testable import Perennial

/// What would go wrong together, silently, is refused before anything is learned.
struct CombinationTests {
  private func refusal(_ name: String, beside others: [String], mine first: Bool = true) throws
    -> StrategyError?
  {
    let strategy = try StrategyRegistry.make(
      Selection(ConfigurationNode(yaml: "{\(name): {}}", source: "test.yaml")))
    let facts = StreamFacts(
      classes: 6, experiences: 3, scenario: .taskIncremental,
      strategies: first ? [name] + others : others + [name])
    do {
      try strategy.check(facts)
      return nil
    } catch let error as StrategyError {
      return error
    }
  }

  /// Weights of their own for each task, and batches of items of several tasks.
  @Test(arguments: ["xdg", "hat", "packnet", "supsup", "piggyback", "progressive", "den", "learn-to-grow"])
  func pathsOfTasksCarryOneTaskAtATime(name: String) throws {
    #expect(try refusal(name, beside: []) == nil)
    #expect(try refusal(name, beside: ["l1", "ema"]) == nil)
    for other in [
      "joint", "cumulative", "replay", "der", "der++", "a-gem", "gem", "mir", "er-ace", "gss", "hal", "gdumb",
      "latent-replay", "generative-replay", "mer", "la-maml", "lwf", "lfl",
    ] {
      for first in [true, false] {
        let error = try refusal(name, beside: [other], mine: first)
        guard case .cannotCombine(name, other, _)? = error else {
          Issue.record("\(name) beside \(other): \(error.map(String.init(describing:)) ?? "nothing")")
          continue
        }
      }
    }
  }

  /// Columns tell the tasks of remembered items apart where they are part of the batch, and nowhere else.
  @Test(arguments: ["soft-sharing", "cross-stitch"]) func columnsTakeReplayAlone(name: String) throws {
    #expect(try refusal(name, beside: ["replay"], mine: true) != nil)
    #expect(try refusal(name, beside: ["replay"], mine: false) == nil)
    for other in ["der", "a-gem", "gem", "mir"] {
      #expect(try refusal(name, beside: [other], mine: false) != nil, "\(other)")
    }
  }

  /// Its passes take the place of the gradient: penalties and terms of others were dropped without a word.
  @Test(arguments: ["ewc", "si", "lwf", "der", "replay", "distillation"])
  func metaExperienceReplayStandsAlone(other: String) throws {
    for first in [true, false] { #expect(try refusal("mer", beside: [other], mine: first) != nil) }
    #expect(try refusal("mer", beside: ["ema"]) == nil)
  }

  /// Trust weighs items, and a term between items has none to weigh: it was taken whole.
  @Test(arguments: ["rkd", "dist", "sp"]) func trustNeedsItems(term: String) throws {
    let stream = try Setting.plain.stream()
    let learner = try Setting.plain.learner(
      [Method.distillation("{teacher: {ema: {}}, terms: [\(term)], trust: novelty}")], stream: stream)
    #expect(throws: DistillationError.betweenItems(term: term)) { try learner.learn(stream, 1) }
  }

  @Test func learnedBalanceNeedsTermsThatEnd() throws {
    let balance = try TermBalance(.uncertainty, terms: ["vid"])
    func weighed(_ value: Float) throws -> Double {
      try balance.learned(.init(name: "vid", value: Tensor([value])[0], weight: 1)).value.item()
    }
    #expect(try weighed(2) == 2)
    #expect(throws: DistillationError.negative(term: "vid")) { try weighed(-0.5) }
  }

  /// Test files are often sorted by class: what is looked at comes from all over them.
  @Test func probesLookEverywhere() throws {
    #expect(try TransferProbe.spread(4, over: 10).integers() == [0, 2, 5, 7])
    #expect(try TransferProbe.spread(10, over: 3).integers() == [0, 1, 2])
    #expect(try TransferProbe.spread(5, over: 0).count == 0)
  }
}
