import Foundation
import Testing
import Torch

@testable import Perennial

/// Clusters with validation examples, and a note of everything that is asked for.
final class WatchedModality: Modality {
  var asked: [Int] = []
  var tested: [Int] = []
  /// The experience that may be asked for; what lies beyond it is the future.
  func stream(_ recipe: Recipe, seed: UInt64) throws -> Perennial.Stream {
    let scenario = Scenario(rawValue: recipe.stream.scenario.name) ?? .classIncremental
    let stream = try Clusters(perClass: 30, perTest: 20, spread: 1).stream(
      scenario, experiences: recipe.stream.experiences, seed: seed
    ) { $0.validation = recipe.stream.validation }
    return Perennial.Stream(
      source: stream.source, scenario: stream.scenario, names: stream.names,
      training: {
        self.asked.append($0)
        return try stream.experience($0)
      },
      testing: { index, learned in
        self.tested.append(index)
        return try stream.test(index, after: learned)
      })
  }

  func blueprint(_ recipe: Recipe, for stream: Perennial.Stream) throws -> Blueprint { .tiny(inputs: 8) }

  static func recipe(
    _ arms: [String], validation: Double = 0.3, scenario: String = "domain", training: String,
    more: String = ""
  ) throws -> Recipe {
    try Recipe(
      yaml: """
        name: tuned
        stream: {data: clusters, scenario: \(scenario), experiences: 3, validation: \(validation)\(more)}
        model: mlp
        training: {optimizer: {sgd: {lr: 0.05, momentum: 0.9}}, batch: 8, steps: 12\(training)}
        strategies:
          \(arms.joined(separator: "\n  "))
        seeds: [0]
        """, source: "tuned.yaml")
  }
}

@Suite struct TuningTests {
  static func run(_ recipe: Recipe, _ modality: WatchedModality) throws -> ArmRun {
    try ArmRun(recipe: recipe, arm: recipe.arms[0], seed: 0, modality: modality, device: .cpu)
  }

  @discardableResult
  static func learn(_ run: ArmRun, until experience: Int? = nil) throws -> ArmRun {
    while !run.isDone, run.experience != experience {
      if !run.isLearning { try run.begin() }
      while let session = run.learner.session, !session.isDone { _ = try run.step() }
      _ = try run.end()
    }
    return run
  }

  static let ewc = "ewc: [{ewc: {lambda: 5}}]"

  /// The mistake of choosing λ by data of later tasks (§3.16, 7): nothing beyond the current experience is asked for,
  /// and no test set, before anything is chosen.
  @Test func mistakeChoosingByLaterExperiencesOrTests() throws {
    let modality = WatchedModality()
    let run = try Self.run(WatchedModality.recipe([Self.ewc], training: ", tune: {trials: 3}"), modality)
    for index in 0..<3 {
      (modality.asked, modality.tested) = ([], [])
      // The search itself, as `begin` makes it, on a stream that notes who asks.
      try run.begin()
      #expect(modality.asked.allSatisfy { $0 <= index }, "\(modality.asked)")
      // The curve of the running experience scores its own test set after everything is chosen.
      #expect(modality.tested.allSatisfy { $0 == index })
      while let session = run.learner.session, !session.isDone { _ = try run.step() }
      _ = try run.end()
    }
    #expect(run.record.tuning?.map(\.experience) == [0, 1, 2])
  }

  /// What is chosen depends on neither test sets nor the future: with those replaced by noise it is the same.
  @Test func theChoiceIsOfTheExperienceAlone() throws {
    let stream = try Clusters(perClass: 30, spread: 1).stream(.domainIncremental) { $0.validation = 0.3 }
    func choice(_ change: (Examples) throws -> Examples) throws -> ContinualGridSearch.Choice {
      let experience = try stream.experience(0)
      let validation = try change(#require(experience.validation))
      let search = ContinualGridSearch(options: .init()) { isPlain in
        try Learner(
          .tiny(), optimizer: SGD(learningRate: 0.05), strategies: isPlain ? [] : [Method.ewc()],
          options: TrainingOptions(batch: 8), pipeline: stream.pipeline, seed: 1)
      }
      let judged = try Experience(
        index: 0, name: "", examples: experience.examples, validation: validation)
      return try search.choose(for: judged, isFirst: true)
    }
    let (one, other) = (try choice { $0 }, try choice { $0 })
    #expect(one == other)
    // And it does depend on the validation examples.
    let turned = try choice { examples in
      try examples.with(targets: Tensor(examples.targets.integers().map { 1 - $0 }))
    }
    #expect(turned.plasticity != one.plasticity)
  }

  @Test func strengthFallsUntilThereIsRoomToLearn() throws {
    func chosen(_ options: String) throws -> ContinualGridSearch.Choice {
      let run = try Self.run(
        WatchedModality.recipe([Self.ewc], training: ", tune: {\(options)}"), WatchedModality())
      try Self.learn(run, until: 2)
      return try #require(run.record.tuning?.last)
    }
    let strict = try chosen("start: 1e6, decay: 0.1, trials: 12, tolerance: 0.02")
    let patient = try chosen("start: 1e6, decay: 0.1, trials: 12, tolerance: 0.9")
    #expect(strict.trials > patient.trials, "\(strict) \(patient)")
    let (low, high) = (try #require(strict.strengths["ewc"]), try #require(patient.strengths["ewc"]))
    #expect(low < high)
    let accuracy = try #require(strict.accuracy)
    #expect(accuracy >= 0.98 * strict.plasticity)
    #expect(strict.learningRate > 0)
    let single = try chosen("learning_rates: [0.01]")
    #expect(single.learningRate == 0.01)
  }

  /// Plain fine-tuning has no weights for columns and the like: its trials could not start from the same state.
  @Test(arguments: ["progressive", "learn-to-grow", "soft-sharing", "cross-stitch"])
  func networksOfTheirOwnAreRefused(_ name: String) throws {
    func recipe(_ training: String) throws -> Recipe {
      try WatchedModality.recipe(["arm: [\(name)]"], scenario: "task", training: training)
    }
    try Experiment.check(recipe(""), modality: WatchedModality())
    #expect {
      try Experiment.check(recipe(", tune: {trials: 2}"), modality: WatchedModality())
    } throws: {
      "\($0)".contains("tune") && "\($0)".contains(name)
    }
  }

  @Test(arguments: ["den", "packnet", "hat"]) func modelsThatGrowInPlaceAreTuned(_ name: String) throws {
    let run = try Self.run(
      WatchedModality.recipe(["arm: [\(name)]"], scenario: "task", training: ", tune: {trials: 2}"),
      WatchedModality())
    try Self.learn(run)
    #expect(run.record.tuning?.map(\.experience) == [0, 1, 2])
  }

  @Test func theChoiceIsWhatIsLearnedWith() throws {
    let run = try Self.run(
      WatchedModality.recipe([Self.ewc], training: ", tune: {learning_rates: [0.02], start: 3, trials: 1}"),
      WatchedModality())
    try Self.learn(run, until: 1)
    try run.begin()
    #expect(run.learner.baseLearningRate == 0.02)
    #expect(run.learner.strengths == ["ewc": 15])
    #expect(run.record.tuning?.last?.strengths == ["ewc": 15])
  }

  /// Trials leave no trace: tuning over the recipe's own values is learning with them.
  @Test func trialsLeaveNoTrace() throws {
    let plain = try Self.run(WatchedModality.recipe([Self.ewc], training: ""), WatchedModality())
    let tuned = try Self.run(
      WatchedModality.recipe([Self.ewc], training: ", tune: {learning_rates: [0.05], start: 1, trials: 1}"),
      WatchedModality())
    #expect(try Self.learn(plain).learner.weights() == Self.learn(tuned).learner.weights())
  }

  static let budgeted = ", max_forgetting: 0.01"

  @Test func anExperienceThatForgetsTooMuchIsLearnedAgain() throws {
    let loose = try Self.learn(
      Self.run(WatchedModality.recipe([Self.ewc], training: ", max_forgetting: 0.99"), WatchedModality()))
    let plain = try Self.learn(Self.run(WatchedModality.recipe([Self.ewc], training: ""), WatchedModality()))
    #expect(try loose.learner.weights() == plain.learner.weights(), "measuring changes nothing")
    #expect(loose.record.forgettingBudget?.map(\.tries) == [1, 1])
    let outcomes = try #require(
      Self.learn(Self.run(WatchedModality.recipe([Self.ewc], training: Self.budgeted), WatchedModality()))
        .record.forgettingBudget)
    let before = try #require(loose.record.forgettingBudget)
    #expect(outcomes.contains { $0.tries > 1 })
    #expect(outcomes.map(\.forgetting).reduce(0, +) < before.map(\.forgetting).reduce(0, +))
    for outcome in outcomes {
      let growth = (1..<outcome.tries).reduce(5.0) { value, _ in 2 * value }
      #expect(outcome.strengths == ["ewc": growth])
      #expect(outcome.isKept || outcome.tries == ForgettingBudget.tries)
    }
  }

  @Test func aBudgetThatCannotBeKeptIsReported() throws {
    let recipe = try WatchedModality.recipe(["finetune: []"], training: ", max_forgetting: 0.0")
    let run = try Self.learn(Self.run(recipe, WatchedModality()))
    let outcomes = try #require(run.record.forgettingBudget)
    #expect(outcomes.allSatisfy { $0.tries == 1 }, "without a strength there is nothing to try")
    #expect(outcomes.contains { !$0.isKept })
    var results = SampleResults.make(experiences: 3)
    results.runs = [.init(strategy: "finetune", seed: 0, record: run.record)]
    #expect(results.budgetLines.count == 1)
    #expect(results.textTable.contains("the budget of forgetting was not kept"))
    let read = try RunResults(data: Data(results.json().utf8), file: "results.json")
    #expect(read.runs[0].forgettingBudget == outcomes)
  }

  /// Stopped anywhere, in an experience that is learned again too, it goes on to the same bits.
  @Test func aTunedAndBudgetedRunGoesOnExactly() throws {
    let recipe = try WatchedModality.recipe(
      [Self.ewc], training: ", max_forgetting: 0.01, tune: {start: 1, trials: 2, learning_rates: [0.05, 0.1]}"
    )
    let whole = try Self.learn(Self.run(recipe, WatchedModality()))
    var run = try Self.run(recipe, WatchedModality())
    var count = 0
    func again() throws {
      let state = try run.state().saved()
      run = try Self.run(recipe, WatchedModality())
      try run.restore(state)
    }
    while !run.isDone {
      if !run.isLearning { try run.begin() }
      while let session = run.learner.session, !session.isDone {
        if count % 7 == 3 { try again() }
        _ = try run.step()
        count += 1
      }
      _ = try run.end()
      if !run.isDone { try again() }
    }
    #expect(count > 36, "some experience was learned more than once")
    #expect(try run.learner.weights() == whole.learner.weights())
    #expect(run.record.tuning == whole.record.tuning)
    #expect(run.record.forgettingBudget == whole.record.forgettingBudget)
    #expect(run.record.scores == whole.record.scores)
  }

  @Test(arguments: ["tune: {}", "max_forgetting: 0.02"])
  func validationExamplesAreAskedFor(key: String) throws {
    func message(_ validation: Double, _ more: String) -> String {
      do {
        _ = try WatchedModality.recipe([Self.ewc], validation: validation, training: ", \(key)", more: more)
        return ""
      } catch { return "\(error)" }
    }
    #expect(message(0, "").contains("set `stream.validation`"))
    #expect(message(0.2, ", online: 5").contains("seen once"))
    #expect(message(0.2, "").isEmpty)
  }

  @Test func aPrequentialRunGoesOnExactly() throws {
    let recipe = try WatchedModality.recipe(
      ["ewc: [{drift-boundaries: {every: 3}}, {ewc: {lambda: 5}}]"], validation: 0, scenario: "instance",
      training: "",
      more: ", online: 5, prequential: {delay: 2, window: 20}")
    let whole = try Self.learn(Self.run(recipe, WatchedModality()))
    var run = try Self.run(recipe, WatchedModality())
    var count = 0
    while !run.isDone {
      if !run.isLearning { try run.begin() }
      while let session = run.learner.session, !session.isDone {
        if count % 5 == 2 {
          let state = try run.state().saved()
          run = try Self.run(recipe, WatchedModality())
          try run.restore(state)
        }
        _ = try run.step()
        count += 1
      }
      _ = try run.end()
    }
    let record = try #require(run.record.prequential)
    #expect(record == whole.record.prequential && run.record.boundaries == whole.record.boundaries)
    #expect(record.items == 180 && record.boundaries.count == run.record.boundaries?.count)
    #expect(!record.boundaries.isEmpty)
    let results = RunResults.Run(strategy: "ewc", seed: 0, record: run.record)
    #expect(results.metrics[.prequentialAccuracy] == record.score)
    #expect(results.prequential == record)
  }

  /// What holds weights by a number can be tuned by it: a search that leaves it alone would choose the rate and say nothing.
  @Test func penaltiesHaveAStrength() throws {
    let without: Set<String> = ["ema", "wise"]
    for card in StrategyRegistry.cards where card.family == .regularization && !without.contains(card.name) {
      let strategy = try StrategyRegistry.make(
        Selection(ConfigurationNode(yaml: "{\(card.name): {}}", source: "test.yaml")))
      let tunable = try #require(strategy as? any Tunable, "\(card.name)")
      #expect(tunable.strength > 0, "\(card.name)")
      tunable.strength = 7
      #expect(tunable.strength == 7, "\(card.name)")
    }
  }
}
