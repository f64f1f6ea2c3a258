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
  static func learner(
    _ strategies: [any Strategy], teacherSteps: Int = 60, seed: UInt64 = 3, whole: Int = 1 << 23
  ) throws -> (Perennial.Stream, Learner, PretrainedTeacher) {
    let modality = TextModality(root: try TextRecipeTests.root())
    let recipe = try TextRecipeTests.recipe(
      data: data, model: "{gpt: {layers: 1, heads: 2, width: 32}}", objective: "tokens", scenario: "instance",
      experiences: 1)
    let stream = try modality.stream(recipe, seed: 0)
    let blueprint = try modality.blueprint(recipe, for: stream)
    func make(_ strategies: [any Strategy], steps: Int, _ teachers: [String: any Teacher]) throws -> Learner {
      try Learner(
        blueprint, objective: TokenPrediction(wholeOutputs: whole), optimizer: Adam(learningRate: 0.01),
        strategies: strategies, options: TrainingOptions(batch: 8, length: .steps(steps)),
        pipeline: stream.pipeline, teachers: teachers, seed: seed)
    }
    let big = try make([], steps: teacherSteps, [:])
    try big.learn(stream.experience(0))
    let teacher = PretrainedTeacher(try Frozen(big.model, big.blueprint), labels: nil)
    return (
      stream,
      try make(strategies, steps: 30, ["big": teacher, "other": teacher]), teacher
    )
  }

  static func learner(_ strategies: String, teacherSteps: Int = 60, seed: UInt64 = 3, whole: Int = 1 << 23)
    throws -> (Perennial.Stream, Learner, PretrainedTeacher)
  {
    try learner(
      TextRecipeTests.strategies(strategies), teacherSteps: teacherSteps, seed: seed, whole: whole)
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
    let writer = try #require(learner.model.backbone as? any TextContinuer)
    let greedy = WrittenRows(prompt: 5, temperature: nil)
    let (written, counted) = try writer.rewritten(inputs, targets, as: greedy, Generator(seed: 1))
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
    let (kept, later) = try writer.rewritten(inputs, targets, as: greedy, Generator(seed: 1))
    #expect(try kept[0].integers().prefix(10) == inputs[0].integers().prefix(10))
    #expect(try later[0].integers().prefix(9).allSatisfy { $0 == TokenPrediction.ignored })
    #expect(try later[0].integers()[9] >= 0)
    // Draws follow the generator.
    let drawn = WrittenRows(prompt: 5, temperature: 1)
    let first = try writer.rewritten(inputs, targets, as: drawn, Generator(seed: 1)).inputs.integers()
    #expect(try writer.rewritten(inputs, targets, as: drawn, Generator(seed: 1)).inputs.integers() == first)
    #expect(try writer.rewritten(inputs, targets, as: drawn, Generator(seed: 2)).inputs.integers() != first)
  }

  /// Each text gets as many tokens as it has room for, however long the prompts beside it are.
  @Test func aLongPromptDoesNotShortenOthers() throws {
    let (_, learner, _) = try Self.learner("[]")
    let writer = try #require(learner.model.backbone as? any TextContinuer)
    let prompts = [[1, 2], Array(1...14), [3], Array(1...15), [4, 5, 6, 7]]
    let count = [14, 2, 5, 1, 30]
    func write(_ rows: [Int]) throws -> [[Int]] {
      try writer.continuations(
        of: rows.map { prompts[$0] }, count: rows.map { count[$0] }, temperature: nil, topK: nil,
        Generator(seed: 1))
    }
    let together = try write(Array(prompts.indices))
    #expect(together.map(\.count) == [14, 2, 5, 1, 12])
    for row in prompts.indices { #expect(try write([row])[0] == together[row]) }
  }

  /// A teacher in half precision reads the same tokens: ids are whole numbers, of which it has not all.
  @Test(arguments: ["gpt2", "llama3", "t5"]) func halfTeachersReadTheSameTokens(name: String) throws {
    let model =
      switch name {
      case "gpt2": "{gpt: {layers: 1, heads: 2, width: 32}}"
      case "llama3": "{llama: {layers: 1, heads: 2, width: 32}}"
      default: "{t5: {layers: 1, heads: 2, width: 32}}"
      }
    let selection = try ConfigurationNode(yaml: model, source: "t").decode(Selection.self)
    let facts = TextFacts(vocabulary: 5000, length: 16, padding: 0, end: 1)
    let blueprint = Blueprint { random in
      name == "t5"
        ? Network(try TextModels.encoderDecoder(selection, facts, random) { URL(fileURLWithPath: $0) })
        : Network(try TextModels.languageModel(selection, facts, random) { URL(fileURLWithPath: $0) })
    }
    let network = try blueprint.make(RandomStreams(seed: 1))
    let whole = try Frozen(network, blueprint)
    let half = try Frozen(network, blueprint, dtype: .bfloat16)
    let ids = try Tensor((0..<32).map { 4999 - 37 * $0 }, shape: name == "t5" ? [1, 2, 16] : [2, 16])
    let (one, other) = (try whole(ids), try half(ids))
    #expect(other.dtype == .float32)
    let scale = try one.abs().amax(Array(0..<one.rank)).item()
    #expect(try (one - other).abs().amax(Array(0..<one.rank)).item() < 0.05 * scale)
    let pieces = try #require(half.look(ids, inPieces: true).pieces)
    let count = one.count / one.shape[one.rank - 1]
    let rows = try pieces.collecting(at: Tensor.arange(0, count)) { ["outputs": $0] }
    let outputs = try #require(rows["outputs"])
    #expect(outputs.dtype == .float32)
    #expect(try outputs.equals(other.reshape([count, -1])))
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

  /// Whatever teaches: outputs that are never there at once teach the same.
  @Test(arguments: [
    "[{distillation: {teacher: big, hard: 0.5, terms: [{kd: {temperature: 1}}]}}]",
    "[{distillation: {teacher: big, terms: [{kd: {temperature: 2, direction: reverse}}, logits]}}]",
    "[{distillation: {teacher: big, terms: [{kd: {direction: jensen-shannon}}], balance: uncertainty}}]",
    "[{distillation: {teacher: big, terms: [{kd: {direction: skew-forward, confidence: entropy}}]}}]",
    "[{distillation: {teachers: [{big: {temperature: 2}}, {other: {weight: 2}}], terms: [{kd: {direction: skew-reverse}}]}}]",
    "[{distillation: {teachers: [{big: {temperature: 2}}, {other: {weight: 2}}], merge: average, hard: 0, terms: [kd]}}]",
    "[{distillation: {teacher: big, on_policy: {share: 0.5, prompt: 4}, terms: [kd], balance: gradient}}]",
    "[{distillation: {teacher: {cached: {teacher: big, top: 8}}, hard: 0, terms: [kd]}}]",
    "[{distillation: {teacher: {cached: {teacher: big}}, terms: [{kd: {standardize: true}}]}}]",
    "[{distillation: {teacher: {ema: {decay: 0.9}}}}]",
    "[{lora: {targets: [c_attn]}}, {distillation: {teacher: unadapted}}]",
    "[{replay: {memory: 40}}, {distillation: {teacher: big, items: fresh}}]",
    "[{replay: {memory: 40}}, {distillation: {teacher: big, items: remembered}}]",
  ])
  func teachingInPieces(strategies: String) throws {
    func steps(whole: Int) throws -> (losses: [Double], weights: Tensor) {
      let (stream, learner, _) = try Self.learner(strategies, teacherSteps: 10, whole: whole)
      try learner.begin(stream.experience(0))
      let losses = try (0..<4).map { _ in try learner.step() }
      return (losses, try learner.vector.values.clone())
    }
    let (whole, pieces) = (try steps(whole: 1 << 23), try steps(whole: 0))
    for (a, b) in zip(whole.losses, pieces.losses) { #expect(abs(a - b) < 1e-5 * max(a, 1), "\(strategies)") }
    // Adam divides by the gradient's size: where that is next to nothing, the last bits decide.
    try expectClose(pieces.weights, whole.weights, strategies, within: 2e-4)
  }

  /// The past self teaches in the second experience.
  @Test func thePastSelfTeachesInPieces() throws {
    let strategies = "[{distillation: {teacher: past-self, temperature: 2}}]"
    func losses(whole: Int) throws -> [Double] {
      let (stream, learner, _) = try Self.learner(strategies, teacherSteps: 1, whole: whole)
      try learner.learn(stream.experience(0))
      try learner.begin(stream.experience(0))
      return try (0..<4).map { _ in try learner.step() }
    }
    for (a, b) in zip(try losses(whole: 1 << 23), try losses(whole: 0)) { #expect(abs(a - b) < 1e-4) }
  }

  /// A term of single items that writes down how many rows it was shown.
  private final class Shown: DistillationTerm {
    let name = "shown"
    let isItemwise: Bool
    private(set) var rows: [Int] = []
    init(itemwise: Bool) { isItemwise = itemwise }

    func values(_ sight: TermSight) throws -> TermValues {
      #expect(sight.student.shape == sight.teacher.shape && sight.places.count == sight.student.shape[0])
      rows.append(sight.student.shape[0])
      return .items(
        try ResponseDistillation.forwardKL(student: sight.student, teacher: sight.teacher, temperature: 1))
    }
  }

  /// 1,600 tokens a step and never more than 512 rows of outputs, and nowhere else any; all of them for a term that must see
  /// them together.
  @Test(arguments: [true, false]) func neverAllOutputsAtOnce(itemwise: Bool) throws {
    final class Watcher: Strategy {
      let name = "watcher"
      let seesBatch = false
      var outputs: [[Int]] = []
      func observe(_ step: Step) throws { outputs.append(step.outputs.shape) }
    }
    let (term, watcher) = (Shown(itemwise: itemwise), Watcher())
    let teaching = try Distillation(NamedTeachers([.init("big")]), terms: [(term, 1)])
    let (stream, learner, _) = try Self.learner([teaching, watcher], teacherSteps: 1, whole: 0)
    let all = try stream.experience(0).examples
    var options = TrainingOptions(batch: 100, length: .steps(2))
    options.resetOptimizer = false
    let bigger = try Learner(
      learner.blueprint, objective: TokenPrediction(wholeOutputs: 0), optimizer: SGD(learningRate: 0.1),
      strategies: [teaching, watcher], options: options, pipeline: stream.pipeline,
      teachers: learner.teachers, seed: 1)
    try bigger.learn(stream.experience(0))
    let tokens = 100 * all.inputs.shape[1]
    #expect(watcher.outputs == (itemwise ? [[0], [0]] : [[100, 16, 256], [100, 16, 256]]))
    #expect(term.rows.reduce(0, +) == 2 * tokens)
    #expect(itemwise ? term.rows.max() == 512 : term.rows == [tokens, tokens])
    let asked = try bigger.batch(of: all, Tensor.arange(0, 2), isAugmented: false)
    let said = try NamedTeachers([.init("big")]).signalsInPieces(asked, bigger)
    #expect(said[0].look.outputs.shape == [0] && said[0].look.pieces != nil)
  }

  /// As recipes say it: a teacher that is trained before the first arm.
  @Test func recipesTrainTheirTeachers() throws {
    let recipe = try Recipe(
      yaml: """
        name: text/taught
        stream: {data: \(Self.data), scenario: instance, experiences: 1}
        model: {gpt: {layers: 1, heads: 2, width: 32}}
        objective: tokens
        training: {optimizer: {adam: {lr: 0.01}}, batch: 8, steps: 20}
        teachers: {big: {model: {llama: {layers: 1, heads: 2, width: 32}}, training: {steps: 40}}}
        strategies:
          taught: [{distillation: {teacher: big, hard: 0, terms: [{kd: {temperature: 1}}]}}]
        seeds: [0]
        """, source: "taught.yaml")
    let modality = TextModality(root: try TextRecipeTests.root())
    try Experiment.check(recipe, modality: modality)
    let folder = FileManager.default.temporaryDirectory.appendingPathComponent("taught-\(UUID().uuidString)")
    let results = try Experiment(
      recipe, folder: RunFolder.create(for: recipe, in: folder), modality: modality
    ).run()
    // Without labels; 1/256 is what chance gives.
    #expect(results.runs[0].matrix[0][0] > 3.0 / 256)
    // Data of its own are as much one experience.
    let data = try Recipe(
      yaml: """
        name: text/other
        stream: {data: \(TextRecipeTests.corpora), scenario: domain, experiences: 2}
        model: {gpt: {layers: 1, heads: 2, width: 32}}
        objective: tokens
        training: {optimizer: {adam: {lr: 0.01}}, batch: 8, steps: 20}
        strategies: {finetune: []}
        seeds: [0]
        """, source: "other.yaml"
    ).stream.data
    #expect(try modality.stream(recipe.taught(recipe.model, data), seed: 0).count == 1)
  }
}
