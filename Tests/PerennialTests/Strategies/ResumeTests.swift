import Testing
import Torch

@testable import Perennial

/// Going on from a saved state gives the bits of never having stopped.
@Suite struct ResumeTests {
  /// What a whole run leaves behind.
  struct Outcome: Equatable {
    var losses: [Double] = []
    var state: [String: String] = [:]
  }

  /// Runs a stream; before step `cut` of the run (when nil, never) everything is thrown away but the saved state.
  ///
  /// A cut at the number of steps so far of an experience's end comes before `end()`.
  static func run(
    _ method: Method, _ setting: Setting, teachers: [String: any Teacher] = [:], cut: Int? = nil,
    betweenExperiences: Int? = nil
  ) throws -> Outcome {
    try run(cut: cut, betweenExperiences: betweenExperiences) {
      let stream = try setting.stream()
      return (stream, try setting.learner(method.make(), stream: stream, teachers: teachers))
    }
  }

  /// The same for whatever makes a stream and a learner.
  static func run(
    cut: Int? = nil, betweenExperiences: Int? = nil,
    _ make: () throws -> (stream: Perennial.Stream, learner: Learner)
  ) throws -> Outcome {
    var outcome = Outcome()
    var (stream, learner) = try make()
    func replaced(learning index: Int?) throws {
      let state = try learner.state().saved()
      (stream, learner) = try make()
      try learner.restore(
        state, experience: index.map { try stream.experience($0) }, past: { try stream.experience($0) })
    }
    for index in 0..<stream.count {
      if index == betweenExperiences { try replaced(learning: nil) }
      try learner.begin(stream.experience(index))
      while true {
        if learner.totalSteps == cut { try replaced(learning: index) }
        guard let session = learner.session, !session.isDone else { break }
        outcome.losses.append(try learner.step())
      }
      try learner.end()
    }
    outcome.state = try learner.state().fingerprint()
    return outcome
  }

  static func expectSame(_ one: Outcome, _ other: Outcome, _ what: String) {
    #expect(one.losses == other.losses, "losses, \(what)")
    #expect(Set(one.state.keys) == Set(other.state.keys), "parts of the state, \(what)")
    let different = one.state.keys.filter { one.state[$0] != other.state[$0] }.sorted()
    #expect(different.isEmpty, "\(different) differ, \(what)")
  }

  /// Every strategy, with all that carries state beside it: momentum, Adam, batch statistics, dropout, augmentation.
  @Test(arguments: Method.all, [Setting.dropoutAndNorm, .adamAugmented, .tasks, .tasksAndNorm])
  func everyStrategyGoesOnAsIfItHadNeverStopped(method: Method, setting: Setting) throws {
    guard method.serves(setting) else { return }
    let whole = try Self.run(method, setting)
    let steps = whole.losses.count
    for cut in [steps / 2, steps - 1] {
      Self.expectSame(try Self.run(method, setting, cut: cut), whole, "cut before step \(cut)")
    }
    Self.expectSame(try Self.run(method, setting, betweenExperiences: 2), whole, "cut between experiences")
  }

  /// What needs a head or a model of its own, there.
  @Test(arguments: Method.all.filter { ![Setting.plain, .tasks].contains($0.setting) })
  func whatNeedsAModelOfItsOwnGoesOnAsWell(method: Method) throws {
    let setting = method.setting
    let whole = try Self.run(method, setting)
    for cut in stride(from: 0, through: whole.losses.count, by: 2) {
      Self.expectSame(try Self.run(method, setting, cut: cut), whole, "cut before step \(cut)")
    }
    for index in 1..<3 {
      Self.expectSame(try Self.run(method, setting, betweenExperiences: index), whole, "cut before \(index)")
    }
  }

  @Test(arguments: Method.multiTask) func whatLearnsTasksTogetherGoesOnAsWell(method: Method) throws {
    let whole = try Self.run(method, .tasks)
    for cut in stride(from: 0, through: whole.losses.count, by: 3) {
      Self.expectSame(try Self.run(method, .tasks, cut: cut), whole, "cut before step \(cut)")
    }
  }

  @Test func everyRegisteredStrategyIsUnderTheseLaws() throws {
    let lists = Method.all + Method.answering + Method.weightlessTransfer + Method.multiTask
    // What needs a teacher, or a language model, goes on as well: DataFreeTests, ReuseTests, WrittenRehearsalTests,
    // TextRecipeTests, LanguageDistillationTests.
    let elsewhere = ["data-free", "sim-kd", "lamol", "knn-lm", "sequence-kd"]
    let covered = Set(lists.flatMap { $0.make().map(\.name) } + elsewhere)
    #expect(Set(StrategyRegistry.names).subtracting(covered).sorted() == [])
  }

  /// Every place to cut at, in every setting.
  @Test(
    arguments: Method.all.filter { ["joint", "replay, lwf and ewc"].contains($0.name) }, Setting.allCases)
  func everySettingGoesOnAsIfItHadNeverStopped(method: Method, setting: Setting) throws {
    let whole = try Self.run(method, setting)
    #expect(try Self.run(method, setting) == whole, "the run does not even repeat itself")
    for cut in stride(from: 0, through: whole.losses.count, by: 2) {
      Self.expectSame(try Self.run(method, setting, cut: cut), whole, "cut before step \(cut)")
    }
    for index in 1..<3 {
      Self.expectSame(try Self.run(method, setting, betweenExperiences: index), whole, "cut before \(index)")
    }
  }

  @Test func aStateOfOtherStrategiesIsRefused() throws {
    let stream = try Setting.plain.stream()
    let learner = try Setting.plain.learner([Method.replay()], stream: stream)
    try learner.learn(stream, 1)
    let other = try Setting.plain.learner([Method.ewc()], stream: stream)
    #expect(throws: StateError.strategies(saved: ["replay"], now: ["ewc"])) {
      try other.restore(learner.state(), experience: nil, past: { try stream.experience($0) })
    }
  }

  @Test(arguments: ["classes", "steps", "outputs", "examples", "strategies"])
  func aMissingPartIsNamed(key: String) throws {
    let stream = try Setting.plain.stream()
    let learner = try Setting.plain.learner([], stream: stream)
    try learner.learn(stream, 1)
    var state = try learner.state()
    state.values[key] = nil
    let other = try Setting.plain.learner([], stream: stream)
    #expect(throws: StateError.missing(key)) {
      try other.restore(state, experience: nil, past: { try stream.experience($0) })
    }
  }

  @Test func aStateOfAnotherModelIsRefused() throws {
    let stream = try Setting.plain.stream()
    let learner = try Setting.plain.learner([], stream: stream)
    try learner.learn(stream, 1)
    let other = try Learner(
      .tiny(hidden: 17), optimizer: SGD(learningRate: 0.1), pipeline: stream.pipeline)
    #expect(throws: StateMismatch.self) {
      try other.restore(learner.state(), experience: nil, past: { try stream.experience($0) })
    }
  }

  @Test func aRestoredLearnerAnswersAsTheOneBefore() throws {
    let stream = try Setting.dropoutAndNorm.stream()
    let learner = try Setting.dropoutAndNorm.learner([], stream: stream)
    try learner.learn(stream, 2)
    let other = try Setting.dropoutAndNorm.learner([], stream: stream)
    try other.restore(learner.state().saved(), experience: nil, past: { try stream.experience($0) })
    let inputs = try stream.test(0).inputs
    #expect(try other.model(inputs).data() == learner.model(inputs).data())
  }
}
