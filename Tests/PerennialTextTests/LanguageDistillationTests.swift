import Foundation
import PerennialTokenizers
import Testing
import Torch

@testable import Perennial
@testable import PerennialText

/// Language models that learn from others: token by token, on what the teacher wrote, on what they write themselves, and
/// from kept answers.
@Suite struct LanguageDistillationTests {
  static let data = "{corpora: {texts: [list.txt], tokenizer: bytes, block: 16, limit: 2000}}"

  /// A teacher that knows the list, and a learner for which it is `big`.
  static func learner(_ strategies: String, teacherSteps: Int = 60, seed: UInt64 = 3) throws -> (
    Perennial.Stream, Learner, PretrainedTeacher
  ) {
    let modality = TextModality(root: try TextRecipeTests.root())
    let recipe = try TextRecipeTests.recipe(
      data: data, model: "{gpt: {layers: 1, heads: 2, width: 32}}", objective: "tokens", scenario: "instance",
      experiences: 1)
    let stream = try modality.stream(recipe, seed: 0)
    let blueprint = try modality.blueprint(recipe, for: stream)
    func make(_ strategies: [any Strategy], steps: Int, _ teachers: [String: any Teacher]) throws -> Learner {
      try Learner(
        blueprint, objective: TokenPrediction(), optimizer: Adam(learningRate: 0.01), strategies: strategies,
        options: TrainingOptions(batch: 8, length: .steps(steps)), pipeline: stream.pipeline,
        teachers: teachers, seed: seed)
    }
    let big = try make([], steps: teacherSteps, [:])
    try big.learn(stream.experience(0))
    let teacher = PretrainedTeacher(try Frozen(big.model, big.blueprint), labels: nil)
    return (
      stream,
      try make(TextRecipeTests.strategies(strategies), steps: 30, ["big": teacher, "other": teacher]), teacher
    )
  }

  static func score(_ learner: Learner, _ stream: Perennial.Stream) throws -> Double {
    try Evaluator(stream).look(at: learner).scores[0].score
  }

  @Test(arguments: [
    "[{distillation: {teacher: big, hard: 0, terms: [{kd: {temperature: 1}}]}}]",
    "[{distillation: {teacher: big, hard: 0, terms: [{kd: {temperature: 1, direction: reverse}}]}}]",
    "[{distillation: {teacher: big, hard: 0, terms: [{kd: {temperature: 1, direction: jensen-shannon}}]}}]",
    "[{distillation: {teacher: big, hard: 0, terms: [{kd: {temperature: 1, direction: skew-forward}}]}}]",
    "[{distillation: {teacher: big, hard: 0, on_policy: {share: 0.5, prompt: 4}, terms: [{kd: {temperature: 1}}]}}]",
    "[{distillation: {teacher: {cached: {teacher: big, top: 8}}, hard: 0, terms: [{kd: {temperature: 1}}]}}]",
    "[{sequence-kd: {teacher: big, prompt: 4, temperature: 1}}]",
    "[{distillation: {teachers: [big, {other: {weight: 2}}], merge: average, hard: 0, terms: [{kd: {temperature: 1}}]}}]",
  ])
  func studentsLearnWithoutLabels(strategies: String) throws {
    let (stream, learner, teacher) = try Self.learner(strategies)
    let before = try Self.score(learner, stream)
    let digest = try teacher.digest()
    try learner.learn(stream.experience(0))
    #expect(try Self.score(learner, stream) > 3 * before, "\(strategies)")
    #expect(try teacher.digest() == digest)
  }

  /// The first tokens stay, what follows is the student's own, and only that counts.
  @Test func theStudentWritesTheRestOfARow() throws {
    let (stream, learner, _) = try Self.learner("[]")
    let inputs = try stream.experience(0).examples.inputs[0..<3]
    var targets = try stream.experience(0).examples.targets[0..<3]
    let writer = try #require(learner.model.backbone as? any TokenWriter)
    let greedy = WrittenRows(prompt: 5, temperature: nil)
    let (written, counted) = try greedy(inputs, targets, by: writer, Generator(seed: 1))
    #expect(written.shape == [3, 16] && counted.shape == [3, 16])
    for row in 0..<3 {
      let (own, was) = (try written[row].integers(), try inputs[row].integers())
      let next = try counted[row].integers()
      #expect(own.prefix(5) == was.prefix(5))
      #expect(next.prefix(4).allSatisfy { $0 == TokenPrediction.ignored })
      // Each token is the likeliest behind those in front of it, and the target of the place before; the context has no
      // room for one behind the last.
      let scores = try learner.model.evaluating { try noGrad { try learner.model(written) } }
      let likeliest = try scores[row].argmax(-1).integers()
      #expect(Array(next[4..<15]) == Array(likeliest[4..<15]))
      #expect(Array(own.dropFirst(5)) == Array(next.dropFirst(4).dropLast()))
    }
    // Where a row has an answer, all in front of it stays.
    targets = try targets.clone()
    try targets.narrow(dim: 1, start: 0, count: 9).fill(TokenPrediction.ignored)
    let (kept, later) = try greedy(inputs, targets, by: writer, Generator(seed: 1))
    #expect(try kept[0].integers().prefix(10) == inputs[0].integers().prefix(10))
    #expect(try later[0].integers().prefix(9).allSatisfy { $0 == TokenPrediction.ignored })
    #expect(try later[0].integers()[9] >= 0)
    // Draws follow the generator.
    let drawn = WrittenRows(prompt: 5, temperature: 1)
    let first = try drawn(inputs, targets, by: writer, Generator(seed: 1)).inputs.integers()
    #expect(try drawn(inputs, targets, by: writer, Generator(seed: 1)).inputs.integers() == first)
    #expect(try drawn(inputs, targets, by: writer, Generator(seed: 2)).inputs.integers() != first)
  }

  /// λ = 1: every step is on the student's own texts, and the labels' loss is none of them.
  @Test func ownTextsAreNoTruth() throws {
    let (stream, learner, _) = try Self.learner(
      "[{distillation: {teacher: big, on_policy: {share: 1, prompt: 4}, terms: [{kd: {temperature: 1, direction: reverse}}]}}]"
    )
    let distillation = try #require(learner.strategies[0] as? Distillation)
    try learner.begin(stream.experience(0))
    for _ in 0..<3 {
      try learner.step()
      #expect(distillation.isOnPolicy)
    }
    let (_, none, _) = try Self.learner(
      "[{distillation: {teacher: big, on_policy: {share: 0, prompt: 4}, terms: [{kd: {temperature: 1}}]}}]")
    let (_, plain, _) = try Self.learner("[{distillation: {teacher: big, terms: [{kd: {temperature: 1}}]}}]")
    try none.learn(stream.experience(0))
    try plain.learn(stream.experience(0))
    #expect(
      try none.model.stateDictionary().allSatisfy {
        try $0.value.equals(#require(plain.model.stateDictionary()[$0.key]))
      })
  }

  /// Stopped and gone on, to the bit: draws and written texts are the same.
  @Test(arguments: [
    "[{sequence-kd: {teacher: big, prompt: 4, temperature: 1}}]",
    "[{distillation: {teacher: big, on_policy: {share: 0.5, prompt: 4}}}]",
  ])
  func theyGoOnAsIfTheyHadNeverStopped(strategies: String) throws {
    func losses(stopping at: Int?) throws -> [Double] {
      var (stream, learner, _) = try Self.learner(strategies, teacherSteps: 10)
      var losses: [Double] = []
      try learner.begin(stream.experience(0))
      while let session = learner.session, !session.isDone {
        if losses.count == at {
          let state = try learner.state()
          (stream, learner, _) = try Self.learner(strategies, teacherSteps: 10)
          try learner.restore(state, experience: stream.experience(0), past: { try stream.experience($0) })
        }
        losses.append(try learner.step())
      }
      return losses
    }
    #expect(try losses(stopping: 13) == losses(stopping: nil))
  }

  @Test func whatCannotWorkIsRefused() throws {
    let facts = StreamFacts(
      classes: nil, experiences: 1, scenario: .instanceIncremental, strategies: ["distillation"],
      teachers: ["big"])
    let classes = StreamFacts(
      classes: 5, experiences: 1, scenario: .instanceIncremental, strategies: ["distillation"],
      teachers: ["big"])
    func check(_ text: String, _ facts: StreamFacts) throws {
      for strategy in try TextRecipeTests.strategies(text) { try strategy.check(facts) }
    }
    #expect(throws: DistillationError.self) {
      try check("[{distillation: {teacher: {cached: {teacher: big}}, on_policy: {share: 0.5}}}]", facts)
    }
    #expect(throws: StrategyError.self) {
      try check("[{distillation: {teacher: big, on_policy: {share: 0.5}}}]", classes)
    }
    #expect(throws: StrategyError.self) { try check("[{sequence-kd: {teacher: big}}]", classes) }
    #expect(throws: DistillationError.self) { try check("[{sequence-kd: {teacher: other}}]", facts) }
    for text in [
      "[{distillation: {teacher: big, on_policy: {share: 1.5}}}]", "[{sequence-kd: {prompt: 4}}]",
      "[{sequence-kd: {teacher: big, prompt: 0}}]", "[{der: {top: 0}}]",
    ] {
      #expect(throws: ConfigurationError.self, "\(text)") { _ = try TextRecipeTests.strategies(text) }
    }
  }

  /// Held outputs of each token's likeliest units are those of all units where all are likely enough to be kept.
  @Test func darkReplayOfTheLargestOutputs() throws {
    func losses(_ top: String) throws -> [Double] {
      let (stream, learner, _) = try Self.learner("[{der: {memory: 50, alpha: 0.5\(top)}}]", teacherSteps: 1)
      try learner.begin(stream.experience(0))
      return try (0..<6).map { _ in try learner.step() }
    }
    let (all, some, few) = (try losses(""), try losses(", top: 256"), try losses(", top: 4"))
    for (a, b) in zip(all, some) { #expect(abs(a - b) < 1e-4 * a) }
    #expect(all[0] == few[0] && all[5] != few[5])
  }
}
