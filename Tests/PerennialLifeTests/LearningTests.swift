import Foundation
import Perennial
import Testing

@testable import PerennialLife

/// From inputs to a version that serves, and back.
@Suite struct LearningTests {
  @Test func aModelLearnsNewLabelsAndKeepsOldOnes() throws {
    let life = try Life()
    let first = try life.learn(Life.rows([0, 1], 0..<40))
    #expect(first.result == .promoted && first.version == 1 && first.verdict.before == nil)
    #expect(first.intake.newLabels == ["class 0", "class 1"])
    #expect(first.intake.learned == 72 && first.intake.heldOut == 8)
    let second = try life.learn(Life.rows([2, 3], 0..<40))
    #expect(second.result == .promoted, "\(second.verdict.lines)")
    let directory = try life.open(.read)
    let found = try directory.evaluate(on: Life.rows([0, 1, 2, 3], 100..<130), life.modality)
    #expect(found.version == 2 && found.accuracy > 0.95 && found.unknownLabels.isEmpty)
    let history = try directory.history()
    #expect(history.current == 2 && history.versions.map(\.number) == [0, 1, 2])
    #expect(history.suites == ["1", "2"])
    #expect(history.matrix.map(\.version) == [1, 2] && history.matrix[0].accuracies[1] == nil)
    #expect(history.counts == ["learned": 144, "held out": 16])
    #expect(history.labels.map(\.examples) == [36, 36, 36, 36])
    try directory.checkAudit()
  }

  @Test func whatIsKnownIsNotLearnedAgain() throws {
    let life = try Life()
    try life.learn(Life.rows([0, 1], 0..<20))
    #expect(throws: LifeError.nothingToLearn) { try life.learn(Life.rows([0, 1], 0..<20)) }
    let more = try life.learn(Life.rows([0, 1], 10..<30))
    #expect(more.intake.duplicates == 20 && more.intake.accepted == 20)
  }

  @Test func aFileThatContradictsItselfIsRefusedWhole() throws {
    let life = try Life()
    var records = Life.rows([0, 1], 0..<20)
    records.inputs.append(
      LabeledInput(payload: records.inputs[3].payload, label: "class 1", origin: "rows:again"))
    let error = #expect(throws: LifeError.self) { try life.learn(records) }
    #expect("\(error as Any)".contains("rows:again"))
    #expect(try life.open(.read).history().counts.isEmpty)
  }

  @Test func aCorrectedLabelIsLearned() throws {
    let life = try Life()
    // Every fourth row of class 0 comes as class 1 first.
    let wrong = Life.rows([0], 0..<10, as: { _ in 1 })
    var records = Life.rows([0], 10..<40)
    records.inputs += Life.rows([1], 0..<40).inputs + wrong.inputs
    try life.learn(records, options: .forcing)
    let outcome = try life.learn(Life.rows([0], 0..<10), options: .forcing)
    #expect(outcome.intake.corrected == 10 && outcome.intake.newLabels.isEmpty)
    let memory = try life.open(.read).store.state(of: life.open(.read).store.current()).scoped(
      "strategy/replay")
    let numbers = try memory.requireTensor("identifiers").integers()
    let targets = try memory.requireTensor("targets").integers()
    let database = try life.open(.read).database
    let relearned = Set(try database.examples(learnedBy: 2).map(\.number))
    for (number, target) in zip(numbers, targets) where relearned.contains(number) { #expect(target == 0) }
  }

  @Test func poisonIsRefusedAndTheOldVersionServes() throws {
    let life = try Life()
    try life.learn(Life.rows([0, 1], 0..<40))
    let before = try life.open(.read).store.currentName()
    // Rows of class 0 that are called class 1.
    let outcome = try life.learn(Life.rows([0], 100..<160, as: { _ in 1 }), changes: ["strategies=[]"])
    #expect(outcome.result == .refused && outcome.version == 1)
    #expect(try life.open(.read).store.currentName() == before)
    #expect(try life.open(.read).history().counts["refused"] == 60)
    #expect(throws: LifeError.nothingToLearn) { try life.learn(nil) }
    // A person may overrule the gate, and says why.
    var options = LearnOptions.forcing
    options.retries = true
    let forced = try life.learn(nil, options: options, changes: ["strategies=[]"])
    #expect(forced.result == .forced && forced.version == 2)
    let audit = try life.open(.read).audit()
    #expect(audit.last { $0.event == "force" }?.detail.contains("because") == true)
    #expect(audit.last?.event == "configure", "it was learned without a memory")
  }

  @Test func aDryRunLeavesNoTrace() throws {
    let life = try Life()
    try life.learn(Life.rows([0, 1], 0..<40))
    _ = try life.open().database.read { _ in }
    let before = try life.bytes().filter { !$0.key.hasPrefix("life.sqlite") }
    let history = try life.open(.read).history()
    var options = LearnOptions()
    options.isDryRun = true
    let outcome = try life.learn(Life.rows([2], 0..<40), options: options)
    #expect(outcome.result == .dryRun && outcome.intake.newLabels == ["class 2"] && outcome.verdict.passed)
    #expect(try life.bytes().filter { !$0.key.hasPrefix("life.sqlite") } == before)
    #expect(try life.open(.read).history() == history)
  }

  @Test func labelsBecomePartOfOthers() throws {
    let life = try Life()
    try life.learn(Life.rows([0, 1, 2], 0..<40))
    var options = LearnOptions()
    options.merges = [try LabelMerge("class 2=class 0"), try LabelMerge("class 1=odd")]
    let outcome = try life.learn(Life.rows([2], 50..<60), options: options)
    #expect(outcome.result == .promoted, "\(outcome.verdict.lines)")
    let model = try life.open(.read).load(nil, life.modality)
    #expect(model.manifest.answers == ["class 0", "odd"])
    let said = try model.predict(Life.rows([2, 1], 200..<210).inputs.map(\.payload))
    #expect(
      said.prefix(10).allSatisfy { $0.label == "class 0" } && said.suffix(10).allSatisfy { $0.label == "odd" }
    )
    #expect(said.allSatisfy { abs($0.choices.reduce(0) { $0 + $1.probability } - 1) < 1e-5 })
    #expect(throws: LifeError.self) { try LabelMerge("a=a") }
    options.merges = [try LabelMerge("nobody=class 0")]
    #expect(throws: LifeError.self) { try life.learn(Life.rows([2], 70..<80), options: options) }
  }

  @Test func invariantsMustHold() throws {
    let life = try Life()
    func write(_ label: String) throws {
      let row = String(decoding: Life.rows([0], 300..<301).inputs[0].payload, as: UTF8.self)
      try Data("a,b,c,d,label\n\(row),\(label)\n".utf8).write(
        to: life.url.appendingPathComponent("invariants.csv"))
    }
    try write("class 1")
    let refused = try life.learn(Life.rows([0, 1], 0..<40))
    #expect(refused.result == .refused && refused.verdict.failures.map(\.name) == ["invariants"])
    try write("class 0")
    var options = LearnOptions()
    options.retries = true
    #expect(try life.learn(nil, options: options).result == .promoted)
  }

  @Test func budgetsEndTheTraining() throws {
    let life = try Life()
    let outcome = try life.learn(Life.rows([0, 1], 0..<40), options: .forcing, changes: ["budget.steps=3"])
    #expect(outcome.isCutShort && outcome.steps == 3)
    #expect(throws: LifeError.self) {
      try life.learn(Life.rows([2], 0..<40), changes: ["budget.memory=1 MiB"])
    }
    #expect(try life.open(.read).store.current().version == 1)
    // Of an update that would take for ever.
    let timed = try life.learn(
      Life.rows([3], 0..<40), options: .forcing,
      changes: ["budget.seconds=0.3", "training.epochs=100000000"])
    #expect(timed.isCutShort && timed.seconds >= 0.3 && timed.seconds < 60 && timed.steps > 0)
  }

  @Test func anotherWayOfLearningTakesTheWeightsOver() throws {
    let life = try Life()
    try life.learn(Life.rows([0, 1], 0..<40))
    let outcome = try life.learn(
      Life.rows([0, 1], 50..<70), changes: ["strategies=[{lwf: {}}]", "training.optimizer={sgd: {lr: 0.01}}"])
    #expect(outcome.result == .promoted, "\(outcome.verdict.lines)")
    #expect((outcome.verdict.after ?? 0) > 0.95)
  }

  @Test func rollingBackSetsAsideWhatWasLearnedSince() throws {
    let life = try Life()
    try life.learn(Life.rows([0, 1], 0..<40))
    let payloads = Life.rows([0, 1], 200..<220).inputs.map(\.payload)
    let before = try life.open(.read).load(nil, life.modality).predict(payloads)
    try life.learn(Life.rows([2], 0..<40))
    try life.open().rollback(to: 1, reason: "class 2 was a mistake")
    #expect(try life.open(.read).load(nil, life.modality).predict(payloads) == before)
    #expect(try life.open(.read).history().counts["withdrawn"] == 36)
    #expect(throws: LifeError.unknownVersion(9, kept: [0, 1, 2])) { try life.open().rollback(to: 9) }
    // Forward again: nothing was thrown away.
    try life.open().rollback(to: 2)
    #expect(try life.open(.read).history().counts["withdrawn"] == nil)
    #expect(try life.open(.read).audit(limit: 2).map(\.event) == ["rollback", "promote"])
    try life.open().rollback(to: 1)
    var options = LearnOptions()
    options.retries = true
    #expect(try life.learn(nil, options: options).version == 3)
  }

  @Test func aCandidateThatIsHeldBackServesWhenAskedTo() throws {
    let life = try Life()
    try life.learn(Life.rows([0, 1], 0..<40))
    var options = LearnOptions()
    options.holdsBack = true
    let outcome = try life.learn(Life.rows([2], 0..<40), options: options)
    #expect(outcome.result == .promoted && outcome.version == 2)
    let directory = try life.open()
    #expect(try directory.store.current().version == 1)
    #expect(try directory.load(nil, life.modality).manifest.version == 1)
    #expect(try directory.examplesByLabel()["class 2"] == nil)
    #expect(throws: LifeError.nothingToLearn) { try directory.learn(nil, life.modality) }
    try directory.rollback(to: 2)
    #expect(try directory.load(nil, life.modality).manifest.version == 2)
    #expect(try directory.examplesByLabel()["class 2"] ?? 0 > 30)
    // Another one stays aside, and the next update goes on from what serves.
    _ = try directory.learn(Life.rows([3], 0..<40), life.modality, options: options)
    _ = try directory.learn(Life.rows([4], 0..<40), life.modality)
    #expect(try directory.store.current().parent == 2)
  }

  /// What a forced version lost stays lost, also where later suites hide it and the version before had lost it already.
  @Test func forgettingIsMeasuredAgainstTheBestVersionWhateverSuitesCameSince() throws {
    let life = try Life()
    try life.learn(Life.rows([0, 1], 0..<100))
    var options = LearnOptions()
    options.force = "a test of what comes after"
    let poison = Life.rows([0, 1], 200..<300, named: "poison") { 1 - $0 }
    #expect(try life.learn(poison, options: options).result == .forced)
    let outcome = try life.learn(Life.rows([2], 0..<100))
    let check = try #require(outcome.verdict.checks.first { $0.name == "forgetting" })
    #expect(outcome.result == .refused && !check.passed, "\(check.detail)")
  }

  @Test func oldVersionsAreClearedAway() throws {
    let life = try Life(Life.learning + "\nkeep: 3")
    for round in 0..<6 { try life.learn(Life.rows([0, 1], round * 20..<round * 20 + 20), options: .forcing) }
    let directory = try life.open(.read)
    #expect(directory.store.numbers() == [0, 4, 5, 6])
    #expect(throws: LifeError.clearedVersion(2, kept: [0, 4, 5, 6])) { try life.open().rollback(to: 2) }
    #expect(try directory.history().matrix.count == 6)
    let needed = Set(
      try directory.store.numbers().flatMap { try directory.store.manifest($0).blobs.values.map(\.sha256) })
    let there = try FileManager.default.contentsOfDirectory(atPath: directory.store.blobs.path)
    #expect(Set(there.map { String($0.dropLast(".safetensors".count)) }) == needed)
  }

  @Test func suitesFrozenByHandJudgeEveryCandidate() throws {
    let life = try Life()
    try life.learn(Life.rows([0, 1], 0..<40))
    let intake = try life.open().freeze(Life.rows([0, 1], 400..<420, named: "frozen"), as: "gold")
    #expect(intake.heldOut == 40)
    let outcome = try life.learn(Life.rows([2], 0..<40))
    #expect(outcome.verdict.suites.map(\.name).sorted() == ["1", "gold", "new"])
    #expect(outcome.verdict.suites.first { $0.name == "gold" }?.outcomes.total == 40)
  }

  @Test func feedbackIsScoredAndLearned() throws {
    let life = try Life()
    try life.learn(Life.rows([0, 1], 0..<40))
    let directory = try life.open()
    let fresh = Life.rows([0, 2], 500..<530).inputs
    let said = try directory.load(nil, life.modality).predict(fresh.map(\.payload))
    try directory.record(
      zip(fresh, said).enumerated().map { index, pair in
        ServedPrediction(
          identifier: "p\(index)", version: 1, payload: pair.0.payload, label: pair.1.label,
          probability: pair.1.probability)
      })
    let outcomes = try directory.record(
      feedback: fresh.enumerated().map { ServedLabel(prediction: "p\($0.offset)", label: $0.element.label) }
        + [ServedLabel(prediction: "nobody", label: "class 0")])
    #expect(outcomes.count == 61 && outcomes[60] == nil)
    #expect(outcomes.prefix(30).allSatisfy { $0?.isCorrect == true && $0?.isPending == true })
    #expect(outcomes.dropFirst(30).prefix(30).allSatisfy { $0?.isCorrect == false })
    #expect(try directory.servedAccuracy(of: 1) == Tally(correct: 30, total: 60))
    let judged = try directory.judged(latest: 50)
    #expect(judged.map(\.sequence) == Array(11...60) && judged.allSatisfy { $0.version == 1 })
    #expect(judged.prefix(20).allSatisfy { $0.label == $0.truth })
    #expect(try directory.pendingCount() > 40)
    let outcome = try directory.learn(nil, life.modality)
    #expect(outcome.result == .promoted, "\(outcome.verdict.lines)")
    #expect(try directory.load(nil, life.modality).manifest.answers.contains("class 2"))
  }
}

extension LearnOptions {
  /// Promotes whatever comes.
  static var forcing: LearnOptions {
    var options = LearnOptions()
    options.force = "because a test says so"
    return options
  }
}
