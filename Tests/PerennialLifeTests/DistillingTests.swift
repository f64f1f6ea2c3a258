import Foundation
import Perennial
import PerennialVision
import Testing
import Torch

@testable import PerennialLife

/// Students of model directories.
@Suite struct DistillingTests {
  /// What teaches a backbone that rests afterwards.
  private static let teaching = [
    RecipeChange.set("head=linear"),
    RecipeChange.set("training={optimizer: {adam: {lr: 0.02}}, batch: 16, epochs: 15}"),
    RecipeChange.set("strategies=[]"),
  ]

  private func target(_ life: Life) -> URL { life.scratch.url.appendingPathComponent("student") }

  private func plan(_ yaml: String, force: String? = nil) -> StudentPlan {
    var plan = StudentPlan(yaml: yaml, teaching: Self.teaching)
    plan.force = force
    return plan
  }

  private func distill(
    _ life: Life, _ plan: StudentPlan, shouldStop: () -> Bool = { false }
  ) throws -> DistillOutcome {
    try life.open().distill(
      into: target(life), plan, { VisionModality(root: DataRoot($0.path)) }, shouldStop: shouldStop)
  }

  private func teacher(_ yaml: String) throws -> Life {
    let life = try Life(yaml)
    try life.learn(Life.rows([0, 1], 0..<40))
    try life.learn(Life.rows([2], 0..<40))
    _ = try life.open().freeze(Life.rows([0, 1], 400..<410, named: "frozen"), as: "gold")
    return life
  }

  private static let narrow = Life.learning.replacing("hidden: [16]", with: "hidden: [8]")
  private static let narrowCounting = Life.counting.replacing("hidden: [12]", with: "hidden: [8]")

  @Test(arguments: [
    (Life.learning.replacing("hidden: [16]", with: "hidden: [32]"), DistillingTests.narrow),
    (Life.counting.replacing("hidden: [12]", with: "hidden: [64]"), DistillingTests.narrowCounting),
  ]) func aStudentIsADirectoryOfItsOwn(_ yaml: (teacher: String, student: String)) throws {
    let life = try teacher(yaml.teacher)
    let outcome = try distill(life, plan(yaml.student))
    #expect(outcome.result == .promoted, "\(outcome.verdict.lines)")
    #expect(outcome.student.parameters < outcome.teacher.parameters && outcome.student.version == 1)
    #expect(outcome.examples == 108 && outcome.heldOut == 32)
    #expect(outcome.millisecondsRatio > 0 && outcome.teacher.milliseconds > 0)
    #expect((outcome.student.accuracy ?? 0) > 0.95 && outcome.student.accuracy == outcome.verdict.after)
    #expect(outcome.verdict.suites.map(\.name).sorted() == ["gold", "teacher 1", "teacher 2"])

    let student = try ModelDirectory(target(life), for: .write)
    let modality = VisionModality(root: DataRoot(target(life).path))
    let manifest = try student.store.current()
    #expect(manifest.version == 1 && manifest.kind == .imported && manifest.labels.count == 3)
    let teachers = try life.open(.read).store
    #expect(
      manifest.teacher
        == VersionManifest.Origin(
          version: 2, manifest: try teachers.currentName(), parameters: outcome.teacher.parameters))
    #expect(try student.evaluate(on: Life.rows([0, 1, 2], 100..<130), modality).accuracy > 0.95)
    #expect(try student.check().whole == [0, 1])
    #expect(try student.audit().map(\.event) == ["init", "import"])
    #expect(try life.open(.read).audit().last?.event == "distill")
    let provenance = try student.provenance(of: 1)
    #expect(provenance.steps.map(\.known) == [0, 108] && provenance.verdict?.passed == true)

    // What is known is not learned again.
    #expect(throws: LifeError.nothingToLearn) { try student.learn(Life.rows([0, 1], 0..<40), modality) }
  }

  @Test func theStudentGoesOnLearningAndForgets() throws {
    let life = try teacher(Life.learning.replacing("hidden: [16]", with: "hidden: [32]"))
    _ = try life.forget(["row-0-5"], .erase)
    _ = try distill(life, plan(Self.narrow))
    let student = try ModelDirectory(target(life), for: .write)
    let modality = VisionModality(root: DataRoot(target(life).path))
    // What was forgotten before stays forgotten, what is known is known.
    let outcome = try student.learn(Life.rows([0, 3], 0..<40), modality)
    #expect(outcome.intake.forgotten == 1 && outcome.intake.duplicates == 39)
    #expect(outcome.result == .promoted && outcome.version == 2, "\(outcome.verdict.lines)")
    #expect(outcome.verdict.suites.map(\.name).contains("teacher 1"))
    // The replay memory came along.
    let memory = try student.store.state(of: student.store.manifest(1)).scoped("strategy/replay")
    #expect(try memory.requireTensor("identifiers").count > 50)
    let receipt = try student.forget(["row-1-7"], force: "a test", modality)
    #expect(receipt.weights == .rebuilt && receipt.rebuiltFrom == 0 && receipt.cleared == [1, 2])
    #expect(try student.history().versions.filter { !$0.isCleared }.map(\.number) == [0, 3])
  }

  @Test func whatATeacherTaughtIsNotTakenOutOfCountsAlone() throws {
    let life = try teacher(Life.counting.replacing("hidden: [12]", with: "hidden: [64]"))
    _ = try distill(life, plan(Self.narrowCounting))
    let student = try ModelDirectory(target(life), for: .write)
    let modality = VisionModality(root: DataRoot(target(life).path))
    // The backbone that was taught is one file for all versions.
    _ = try student.learn(Life.rows([3], 0..<40), modality)
    let blobs = try [0, 1, 2].map { try student.store.manifest($0).blobs["resting"] }
    #expect(blobs[1] != nil && blobs[1] == blobs[2] && blobs[0] != blobs[1])
    // Learned later, without a teacher: taken out exactly.
    let first = try student.database.examples(learnedBy: 1)[3].identifier
    let later = try student.database.examples(learnedBy: 2)[3].identifier
    #expect(try student.forget([later], modality).weights == .unlearned)
    // Taught: the backbone has seen it.
    let taught = try student.forget([first], force: "a test", modality)
    #expect(taught.weights == .rebuilt && taught.rebuiltFrom == 0)
  }

  @Test func aStudentThatIsWorseIsRefusedAndLeavesNothing() throws {
    let life = try teacher(Life.learning)
    let before = try FileManager.default.contentsOfDirectory(atPath: life.scratch.url.path)
    let dull = Self.narrow.replacing("epochs: 10", with: "steps: 1")
    let refused = try distill(life, plan(dull))
    #expect(refused.result == .refused && !refused.verdict.passed)
    #expect(try FileManager.default.contentsOfDirectory(atPath: life.scratch.url.path) == before)
    #expect(try life.open(.read).audit().last?.detail.contains("refused") == true)
    let forced = try distill(life, plan(dull, force: "small enough"))
    #expect(forced.result == .forced)
    let student = try ModelDirectory(target(life))
    #expect(try student.audit().last?.detail.contains("small enough") == true)
    #expect(throws: LifeError.exists(path: target(life).path)) { try distill(life, plan(Self.narrow)) }
  }

  @Test func stoppedThereIsNoStudent() throws {
    let life = try teacher(Life.learning)
    let before = try FileManager.default.contentsOfDirectory(atPath: life.scratch.url.path)
    var steps = 0
    #expect(throws: LifeError.interrupted) {
      try distill(life, plan(Self.narrow)) {
        steps += 1
        return steps > 5
      }
    }
    #expect(try FileManager.default.contentsOfDirectory(atPath: life.scratch.url.path) == before)
    // What a process that was killed has left goes with the next.
    let left = life.scratch.url.appendingPathComponent(".student.abc.student")
    try FileManager.default.createDirectory(at: left, withIntermediateDirectories: true)
    _ = try distill(life, plan(Self.narrow))
    #expect(!FileManager.default.fileExists(atPath: left.path))
  }

  @Test func mergedLabelsAreOneOutputOfTheStudent() throws {
    let life = try teacher(Life.learning)
    var options = LearnOptions()
    options.merges = [try LabelMerge("class 2=class 0")]
    // Labels alone make a version: the same weights, other answers.
    let merged = try life.learn(nil, options: options)
    #expect(merged.result == .promoted && merged.version == 3, "\(merged.verdict.lines)")
    let model = try life.open(.read).load(nil, life.modality)
    #expect(model.manifest.answers == ["class 0", "class 1"] && model.outputs.units == [[0, 2], [1]])
    #expect(throws: LifeError.nothingToLearn) { try life.learn(nil, options: options) }
    let outcome = try distill(life, plan(Self.narrow))
    #expect(outcome.result == .promoted, "\(outcome.verdict.lines)")
    let student = try ModelDirectory(target(life)).load(
      nil, VisionModality(root: DataRoot(target(life).path)))
    #expect(student.learner.model.head.outputs == 2 && student.manifest.answers == ["class 0", "class 1"])
  }

  @Test func untrainedModelsTeachNobody() throws {
    #expect(throws: LifeError.untrained) { try distill(Life(), plan(Self.narrow)) }
    let life = try teacher(Life.learning)
    let past = Self.narrow.replacing(
      "strategies: [", with: "strategies: [{distillation: {teacher: past-self}}, ")
    #expect(throws: LifeError.teaching(strategy: "distillation")) { try distill(life, plan(past)) }
  }
}
