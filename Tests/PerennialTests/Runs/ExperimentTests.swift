import Foundation
import Testing
import Torch

@testable import Perennial

@Suite struct ExperimentTests {
  /// What must not depend on how often a run was stopped: everything but seconds and memory.
  struct Outcome: Equatable {
    var records: [String: AccuracyMatrix] = [:]
    var weights: [String: Data] = [:]
    var steps: [Int] = []
  }

  /// A run folder of its own.
  struct Bench {
    let place = TemporaryPlace()
    let recipe: Recipe
    let folder: RunFolder

    init(_ recipe: Recipe) throws {
      self.recipe = recipe
      folder = try RunFolder.create(for: recipe, in: place.url)
    }

    /// Runs, or goes on; nil when it was stopped.
    func run(
      _ observers: EventList..., modality: TinyModality = TinyModality(),
      stop: @escaping () -> Bool = { false }
    )
      throws -> RunResults?
    {
      let experiment = Experiment(
        recipe, folder: folder, modality: modality, observers: observers, shouldStop: stop)
      do {
        return try experiment.run()
      } catch is RunInterrupted {
        return nil
      }
    }

    var checkpoints: [String] {
      ((try? FileManager.default.contentsOfDirectory(atPath: folder.checkpoints.path)) ?? [])
        .filter { $0.contains("@") }.sorted()
    }

    func damage(_ name: String) throws {
      let url = folder.checkpoints.appendingPathComponent(name)
      var data = try Data(contentsOf: url)
      data[data.count / 2] ^= 4
      try data.write(to: url)
    }

    func outcome(_ results: RunResults) throws -> Outcome {
      var outcome = Outcome(steps: results.runs.map(\.cost.steps))
      for run in results.runs {
        let name = "\(run.strategy)-\(run.seed)"
        let url = folder.checkpoints.appendingPathComponent(name)
        var record = try JSONDecoder().decode(
          AccuracyMatrix.self, from: Data(contentsOf: url.appendingPathExtension("record.json")))
        record.cost = LearningCost()
        outcome.records[name] = record
        outcome.weights[name] = try Data(contentsOf: url.appendingPathExtension("safetensors"))
      }
      return outcome
    }
  }

  static func uninterrupted(_ recipe: Recipe) throws -> Outcome {
    let bench = try Bench(recipe)
    defer { bench.place.remove() }
    return try bench.outcome(#require(try bench.run()))
  }

  /// Stops after `steps` steps of one call.
  static func after(_ steps: Int) -> () -> Bool {
    var asked = 0
    return {
      asked += 1
      return asked > steps
    }
  }

  // MARK: - Going on

  @Test(arguments: ["class", "task", "domain"], ["", ", checkpoint_every: 2, evaluate_every: 2"])
  func stoppedAfterEveryStepItGivesTheSameBits(scenario: String, training: String) throws {
    let recipe = try TinyModality.recipe(scenario: scenario, training: training)
    let whole = try Self.uninterrupted(recipe)
    #expect(whole.steps == [9, 3 + 6 + 9, 9, 9, 9, 9])
    let bench = try Bench(recipe)
    defer { bench.place.remove() }
    let events = EventList()
    var calls = 0
    var results: RunResults?
    repeat {
      results = try bench.run(events, stop: Self.after(1))
      calls += 1
    } while results == nil && calls < 200
    #expect(calls > 50)
    #expect(events.steps == whole.steps.reduce(0, +), "every step was done once")
    #expect(try bench.outcome(#require(results)) == whole)
    #expect(events.warnings.isEmpty)
  }

  @Test func stoppedOnceAnywhereItGivesTheSameBits() throws {
    let recipe = try TinyModality.recipe([
      "joint: [{joint: {}}]", "all: [{replay: {memory: 9, policy: ring}}, {lwf: {}}]",
    ])
    let whole = try Self.uninterrupted(recipe)
    for steps in 0..<(18 + 9) {
      let bench = try Bench(recipe)
      defer { bench.place.remove() }
      #expect(try bench.run(stop: Self.after(steps)) == nil)
      let events = EventList()
      let results = try #require(try bench.run(events))
      #expect(try bench.outcome(results) == whole, "stopped after \(steps) steps")
      #expect(events.starts.first == (steps < 18 ? steps : steps - 18))
    }
  }

  /// As after `kill -9`: what was done after the newest checkpoint is done again.
  @Test func whatWasNotSavedIsDoneAgain() throws {
    let recipe = try TinyModality.recipe(["ewc: [{ewc: {lambda: 10}}]"], training: ", checkpoint_every: 2")
    let whole = try Self.uninterrupted(recipe)
    let bench = try Bench(recipe)
    defer { bench.place.remove() }
    _ = try bench.run(stop: Self.after(7))
    // The checkpoint of the interruption is lost; the one before remains.
    let newest = try #require(bench.checkpoints.last)
    try FileManager.default.removeItem(at: bench.folder.checkpoints.appendingPathComponent(newest))
    let events = EventList()
    #expect(try bench.outcome(#require(try bench.run(events))) == whole)
    #expect((events.starts.first ?? 0) < 7 && (events.starts.first ?? 0) > 0)
  }

  @Test func finishedRunsAreNotRunAgain() throws {
    let recipe = try TinyModality.recipe(["finetune: []", "er: [{replay: {memory: 12}}]"], seeds: [0, 1])
    let bench = try Bench(recipe)
    defer { bench.place.remove() }
    _ = try bench.run(stop: Self.after(20))
    let events = EventList()
    let results = try #require(try bench.run(events))
    #expect(events.starts == [2, 0])
    #expect(events.steps == 7 + 9)
    #expect(results.runs.map { "\($0.strategy)-\($0.seed)" } == ["finetune-0", "finetune-1", "er-0", "er-1"])
    #expect(bench.checkpoints.isEmpty, "nothing is left to go on from")
    let again = EventList()
    #expect(try bench.run(again)?.runs.map(\.matrix) == results.runs.map(\.matrix))
    #expect(again.events.isEmpty)
  }

  // MARK: - Damage

  @Test func aDamagedNewestCheckpointIsWarnedAboutAndTheOneBeforeTaken() throws {
    let recipe = try TinyModality.recipe(["lwf: [{lwf: {}}]"], training: ", checkpoint_every: 2")
    let whole = try Self.uninterrupted(recipe)
    let bench = try Bench(recipe)
    defer { bench.place.remove() }
    _ = try bench.run(stop: Self.after(4))
    #expect(bench.checkpoints.count == 2)
    let newest = try #require(bench.checkpoints.last)
    try bench.damage(newest)
    let events = EventList()
    #expect(try bench.outcome(#require(try bench.run(events))) == whole)
    #expect(events.warnings.count == 1 && events.warnings[0].contains(newest))
    #expect(events.starts == [3])
  }

  @Test func whereAllCheckpointsAreDamagedTheRunStartsAnew() throws {
    let recipe = try TinyModality.recipe(["lwf: [{lwf: {}}]"], training: ", checkpoint_every: 1")
    let whole = try Self.uninterrupted(recipe)
    let bench = try Bench(recipe)
    defer { bench.place.remove() }
    _ = try bench.run(stop: Self.after(5))
    for name in bench.checkpoints { try bench.damage(name) }
    let events = EventList()
    #expect(try bench.outcome(#require(try bench.run(events))) == whole)
    #expect(events.warnings.count == 2)
    #expect(events.starts == [0])
  }

  @Test func aCheckpointOfAnotherRecipeIsNotGoneOnFrom() throws {
    let one = try Bench(TinyModality.recipe(["er: [{replay: {memory: 12}}]"]))
    let other = try Bench(TinyModality.recipe(["er: [{replay: {memory: 13}}]"]))
    defer {
      one.place.remove()
      other.place.remove()
    }
    _ = try one.run(stop: Self.after(4))
    let name = try #require(one.checkpoints.first)
    try FileManager.default.copyItem(
      at: one.folder.checkpoints.appendingPathComponent(name),
      to: other.folder.checkpoints.appendingPathComponent(name))
    #expect(throws: CheckpointError.otherRecipe(name)) { try other.run() }
  }

  @Test func aCheckpointOfAnotherModelIsRefused() throws {
    let bench = try Bench(TinyModality.recipe(["finetune: []"]))
    defer { bench.place.remove() }
    _ = try bench.run(stop: Self.after(4))
    #expect(throws: StateMismatch.self) { try bench.run(modality: TinyModality(width: 9)) }
  }

  /// The folder goes away in the middle of a run: the run ends with the reason, and the checkpoint that was there is
  /// good to go on from when the folder is back.
  @Test func aFolderThatTakesNothingMoreEndsTheRunAndKeepsWhatItHad() throws {
    let recipe = try TinyModality.recipe(["er: [{replay: {memory: 12}}]"], training: ", checkpoint_every: 2")
    let whole = try Self.uninterrupted(recipe)
    let bench = try Bench(recipe)
    defer { bench.place.remove() }
    let (there, away) = (bench.folder.checkpoints, bench.place.url.appendingPathComponent("away"))
    let events = EventList { event in
      if case .saved(_, step: 5, _) = event { try? FileManager.default.moveItem(at: there, to: away) }
    }
    let error = #expect(throws: AtomicFileError.self) { try bench.run(events) }
    #expect(error?.path.contains("checkpoints") == true && error?.code == ENOENT)
    try FileManager.default.moveItem(at: away, to: there)
    let again = EventList()
    #expect(try bench.outcome(#require(try bench.run(again))) == whole)
    #expect(again.starts == [5])
    #expect(again.warnings.isEmpty)
  }

  /// A loss that is no number stops the run and says where; the last good checkpoint stays.
  @Test func aLossThatIsNoNumberKeepsTheLastGoodCheckpoint() throws {
    let recipe = try TinyModality.recipe(
      ["l2: [{l2: {lambda: 1e30}}]"], training: ", checkpoint_every: 1", learningRate: "1")
    let bench = try Bench(recipe)
    defer { bench.place.remove() }
    let error = #expect(throws: LearnerError.self) { try bench.run() }
    guard case .notFinite("loss", experience: "0,1", let step) = error else {
      Issue.record("\(String(describing: error))")
      return
    }
    let store = CheckpointStore(
      folder: bench.folder.checkpoints, run: "l2-0", recipeSHA256: try recipe.sha256)
    let state = try #require(try store.newest { Issue.record("\($0)") })
    let steps: Int = try state.require("learner/steps")
    #expect(steps <= step && step < 3)
  }

  // MARK: - Results

  @Test func everyMetricIsThere() throws {
    let recipe = try TinyModality.recipe(seeds: [0, 1], training: ", evaluate_every: 2")
    let bench = try Bench(recipe)
    defer { bench.place.remove() }
    let events = EventList()
    let results = try #require(try bench.run(events))
    #expect(results.runs.count == 12)
    for run in results.runs {
      for name in MetricName.standard {
        let value = run.metrics[name]
        #expect(value?.isFinite == true, "\(run.strategy): \(name.rawValue)")
      }
      #expect(run.matrix.count == 3 && run.matrix.allSatisfy { $0.count == 3 })
      #expect(run.taskMaskedMatrix?.count == 3)
      #expect(run.randomInit?.count == 3)
      #expect(run.cost.trainingSeconds > 0 && run.cost.evaluationSeconds > 0)
      #expect(run.cost.examplesPerSecond > 0 && run.cost.peakMemoryBytes > 1 << 20)
      #expect(run.cost.parameters == 8 * 16 + 16 + 32 + 6 * 16 + 6)
      #expect((run.cost.replayBytes > 0) == ["joint", "er", "all"].contains(run.strategy))
    }
    #expect(results.stream.experiences == ["0,1", "2,3", "4,5"])
    #expect(results.stream.testExamples == [40, 40, 40])
    #expect(try RunResults(contentsOf: bench.folder.results) == results)
    let finished = events.events.count { if case .finished = $0 { true } else { false } }
    let evaluated = events.events.count { if case .evaluated = $0 { true } else { false } }
    #expect(finished == 12 && evaluated == 36)
    #expect(results.runs[0].matrix != results.runs[1].matrix, "seeds differ")
  }

  /// An online stream comes in mini-batches of its own size, each seen once, whatever the recipe's length.
  @Test func anOnlineStreamIsSeenOnce() throws {
    let text = try TinyModality.recipe(["er: [{replay: {memory: 12}}]"]).yaml
    let recipe = try Recipe(yaml: text, source: "tiny.yaml", changes: [.set("stream.online=5")])
    let run = try ArmRun(
      recipe: recipe, arm: recipe.arms[0], seed: 0, modality: TinyModality(), device: .cpu)
    for index in 0..<3 {
      try run.begin()
      while let session = run.learner.session, !session.isDone { _ = try run.step() }
      _ = try run.end()
      #expect(run.learner.totalSteps == 5 * (index + 1))
      #expect(run.learner.totalExamples == 24 * (index + 1))
    }
  }

  @Test func withoutAJointRunThereIsNoIntransigence() throws {
    let bench = try Bench(TinyModality.recipe(["er: [{replay: {memory: 12}}]"]))
    defer { bench.place.remove() }
    let results = try #require(try bench.run())
    #expect(results.runs[0].metrics[.intransigence] == nil)
    #expect(results.runs[0].metrics[.averageAccuracy] != nil)
  }

  @Test func theSavedWeightsAreThoseThatWereScored() throws {
    let recipe = try TinyModality.recipe(["er: [{replay: {memory: 12}}]"])
    let bench = try Bench(recipe)
    defer { bench.place.remove() }
    let results = try #require(try bench.run())
    let stream = try TinyModality().stream(recipe, seed: 0)
    let learner = try Learner(
      TinyModality().blueprint(recipe, for: stream), optimizer: SGD(learningRate: 0.1),
      pipeline: stream.pipeline)
    for index in 0..<3 {
      try learner.begin(stream.experience(index))
      try learner.end()
    }
    let weights = try Safetensors.read(bench.folder.checkpoints.appendingPathComponent("er-0.safetensors"))
    try learner.model.load(weights.tensors)
    let look = try Evaluator(stream).look(at: learner)
    #expect(look.scores.map(\.score) == results.runs[0].matrix[2])
  }

  @Test func aMemoryTooSmallForTheStreamIsRefusedBeforeAnythingIsLearned() throws {
    let recipe = try TinyModality.recipe(["er: [{replay: {memory: 5, policy: class-balanced}}]"])
    let bench = try Bench(recipe)
    defer { bench.place.remove() }
    let events = EventList()
    #expect(throws: StrategyError.memoryTooSmall(memory: 5, classes: 6)) { try bench.run(events) }
    #expect(events.steps == 0)
  }

  // MARK: - One arm, against a computation by hand

  @Test(arguments: ["class", "task", "domain"])
  func curvesFlipsAndMomentsAreThoseOfALoop(scenario: String) throws {
    let recipe = try TinyModality.recipe(
      ["finetune: []"], scenario: scenario, training: ", evaluate_every: 2")
    let run = try ArmRun(recipe: recipe, arm: recipe.arms[0], seed: 0, modality: TinyModality(), device: .cpu)
    func score(_ test: Int) throws -> EvaluatorTests.Expected {
      try EvaluatorTests.bruteForce(run.learner, run.stream, test)
    }
    try run.scoreUntrained()
    #expect(run.record.randomInit?.count == 3)
    var correct: [[Bool]] = []
    for index in 0..<3 {
      try run.begin()
      var curve = [try score(index).score]
      for step in 1...3 {
        _ = try run.step()
        curve.append(try score(index).score)
        if step == 2 {
          let moment = try #require(run.record.moments.last)
          #expect(moment.step == 3 * index + 2 && moment.seen == index + 1)
          for test in 0...index { #expect(try moment.scores[test] == score(test).score) }
        }
      }
      let scores = try #require(try run.end())
      #expect(run.record.learningCurves[index] == curve)
      let now = try (0...index).map { try score($0) }
      #expect(Array(scores[0...index]) == now.map(\.score))
      #expect(Array(run.record.rows[index].tests[0...index].map(\.taskMasked)) == now.map(\.taskMasked))
      if index > 0 {
        var flips = FlipCounts()
        for test in 0..<index {
          for (before, after) in zip(correct[test], now[test].correct) {
            flips.total += 1
            if before && !after { flips.negative += 1 }
            if !before && after { flips.positive += 1 }
          }
        }
        #expect(run.record.flips[index - 1] == flips)
        #expect(flips.total == 40 * index)
      }
      correct = now.map(\.correct)
    }
    #expect(run.isDone)
    if scenario == "class" { #expect(run.record.flips.contains { $0.negative > 0 }) }
  }
}
