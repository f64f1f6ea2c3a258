import Foundation
import Perennial
import PerennialTokenizers
import Testing
import Torch

@testable import PerennialText

/// An encoder-decoder as learners train it, and BLEU as the score of what it writes.
@Suite struct TranslationTests {
  /// Numbers in words of two made-up languages, for a data root.
  static func root() throws -> DataRoot {
    let root = try TextRecipeTests.root()
    let digits = ["ka", "lo", "mi", "nu", "pe"]
    let languages = [
      "north": ["un", "da", "tri", "kva", "fin"], "south": ["ax", "bex", "cox", "dux", "ex"],
    ]
    var (train, test): ([String], [String]) = ([], [])
    for (name, words) in languages.sorted(by: { $0.key < $1.key }) {
      for number in 0..<125 {
        let places = [number / 25, number / 5 % 5, number % 5, (number / 25 + number) % 5]
        let line = """
          {"prompt": "\(places.map { words[$0] }.joined(separator: " "))", \
          "completion": "\(places.map { digits[$0] }.joined(separator: " "))", "task": "\(name)"}
          """
        if number % 9 == 4 { test.append(line) } else { train.append(line) }
      }
    }
    for (name, lines) in ["pairs.jsonl": train, "judge.jsonl": test] {
      try Data(lines.joined(separator: "\n").utf8).write(to: root.url.appendingPathComponent(name))
    }
    return root
  }

  static func recipe(
    model: String = "{t5: {layers: 1, heads: 2, width: 32, dropout: 0}}", objective: String = "writing"
  )
    throws -> Recipe
  {
    try TextRecipeTests.recipe(
      data: "{records: {train: pairs.jsonl, test: judge.jsonl, rows: {vocabulary: 300, length: 12}}}",
      model: model, objective: objective, scenario: "domain")
  }

  static func learner(
    _ strategies: [any Strategy], steps: Int = 300, teachers: [String: any Teacher] = [:]
  ) throws -> (Perennial.Stream, Learner) {
    let modality = TextModality(root: try root())
    let recipe = try recipe()
    let stream = try modality.stream(recipe, seed: 0)
    let learner = try Learner(
      modality.blueprint(recipe, for: stream), objective: modality.objective(recipe),
      optimizer: Adam(learningRate: 0.003), strategies: strategies,
      options: TrainingOptions(batch: 32, length: .steps(steps)), pipeline: stream.pipeline,
      teachers: teachers, seed: 1)
    return (stream, learner)
  }

  @Test func languagesAreLearnedAndForgottenAndKeptByReplay() throws {
    var last: [String: [Double]] = [:]
    for (name, strategies) in [("naive", []), ("replay", [Replay(.init())] as [any Strategy])] {
      let (stream, learner) = try Self.learner(strategies)
      #expect(stream.names == ["north", "south"])
      let evaluator = Evaluator(stream)
      try learner.learn(stream.experience(0))
      let first = try evaluator.look(at: learner).scores.map(\.score)
      #expect(first[0] > 0.8 && first[1] < 0.3, "\(first)")
      try learner.learn(stream.experience(1))
      last[name] = try evaluator.look(at: learner).scores.map(\.score)
    }
    let (naive, replay) = (try #require(last["naive"]), try #require(last["replay"]))
    #expect(naive[1] > 0.8 && replay[1] > 0.8 && replay[0] > naive[0] + 0.2, "\(naive) \(replay)")
  }

  /// What rows hold is what the model is given by itself, and filling changes nothing.
  @Test func rowsGiveWhatTheModelGives() throws {
    let (stream, learner) = try Self.learner([], steps: 20)
    try learner.learn(stream.experience(0))
    let examples = try stream.test(0)
    let model = try #require(learner.model.encoderDecoder)
    let outputs = try learner.predict(examples.inputs)
    #expect(outputs.shape == examples.targets.shape + [model.vocabularySize])
    for row in 0..<3 {
      let source = try examples.inputs[row..<row + 1].select(0, dim: 1).integers().filter { $0 != 0 }
      let target = try examples.targets[row..<row + 1].integers().filter { $0 != -100 }
      let labels = try Tensor(target, shape: [1, target.count])
      let alone = try noGrad {
        try model.evaluating {
          try model(
            TokenBatch(Tensor(source, shape: [1, source.count])), target: TokenBatch(model.shifted(labels)))
        }
      }
      let part = try outputs[row..<row + 1].narrow(dim: 1, start: 0, count: target.count)
      #expect(try noGrad { try (part - alone).abs().amax([0, 1, 2]).item() } < 1e-4)
    }
    #expect(throws: TorchError.self) { try learner.model(Tensor.zeros([1, 4], dtype: .int64)) }
  }

  /// Pairs of which the targets say nothing: what is learned comes from the teacher (Kim & Rush 2016; Agarwal et al. 2024).
  @Test(arguments: [
    "[{sequence-kd: {teacher: big}}]",
    "[{distillation: {teacher: big, hard: 0, on_policy: {share: 1}, terms: [{kd: {temperature: 1}}]}}]",
  ])
  func studentsLearnFromWhatIsWritten(strategies: String) throws {
    let (stream, big) = try Self.learner([])
    try big.learn(stream.experience(0))
    let evaluator = Evaluator(stream)
    let taught = try evaluator.look(at: big).scores[0].score
    let teacher = PretrainedTeacher(try Frozen(big.model, big.blueprint), labels: nil)
    let (_, learner) = try Self.learner(
      TextRecipeTests.strategies(strategies), teachers: ["big": teacher])
    // Sources are as they are; each target is the end of a text, behind the same token.
    let own = try stream.experience(0)
    let (inputs, targets) = (try own.examples.inputs.clone(), try own.examples.targets.clone())
    let target = try inputs.narrow(dim: 1, start: 1, count: 1)
    try target.copy(from: target.zerosLike())
    try targets.copy(from: Tensor.choose(targets .>= 0, targets.onesLike(), targets))
    let blank = try Examples(
      inputs: inputs, targets: targets, identifiers: own.examples.identifiers)
    try learner.learn(Experience(index: 0, name: own.name, examples: blank, task: nil))
    let score = try evaluator.look(at: learner).scores[0].score
    #expect(score > 0.7 * taught, "\(score) of \(taught)")
  }

  /// A source stays, and all of its target is the model's own.
  @Test func theTargetIsWritten() throws {
    let (stream, learner) = try Self.learner([], steps: 60)
    try learner.learn(stream.experience(0))
    let examples = try stream.experience(0).examples
    let (inputs, targets) = (try examples.inputs[0..<5], try examples.targets[0..<5])
    let model = try #require(learner.model.encoderDecoder)
    let writer = try #require(learner.model.backbone as? any TokenWriter)
    let form = WrittenRows(prompt: 4, temperature: nil)
    let written = try writer.rewritten(inputs, targets, as: form, Generator(seed: 1))
    #expect(written.inputs.shape == inputs.shape && written.targets.shape == targets.shape)
    #expect(try written.inputs.select(0, dim: 1).integers() == inputs.select(0, dim: 1).integers())
    var options = GenerationOptions()
    options.maximumNewTokens = targets.shape[1]
    let expected = try model.generate(model.sources(inputs), options).map(\.tokens)
    for (row, text) in expected.enumerated() {
      #expect(try written.targets[row].integers().filter { $0 >= 0 } == text)
      let given = try written.inputs[row].integers().suffix(targets.shape[1])
      #expect(Array(given.prefix(text.count)) == [model.configuration.startToken] + text.dropLast())
    }
  }

  @Test func mistakesAreNamedBeforeAnythingIsLearned() throws {
    let modality = TextModality(root: try Self.root())
    for (model, objective, part) in [
      ("{t5: {}}", "classification", "this model learns to write"),
      ("{gpt: {}}", "classification", "this model learns to write"),
      ("{bert: {}}", "writing", "texts are written by"), ("{t6: {}}", "writing", "t5"),
    ] {
      let recipe = try Self.recipe(model: model, objective: objective)
      let error = #expect(throws: ConfigurationError.self) {
        try Experiment.check(recipe, modality: modality)
      }
      #expect(error?.description.contains(part) == true, "\(error?.description ?? "")")
    }
    let plain = try TextRecipeTests.recipe(
      data: "{records: {train: lone.jsonl, test: lone.jsonl}}", model: "{t5: {}}", objective: "writing",
      scenario: "instance", experiences: 1)
    try Data("{\"text\": \"alone\"}".utf8).write(
      to: modality.file("lone.jsonl"))
    let error = #expect(throws: TextDataError.self) { try modality.stream(plain, seed: 0) }
    #expect(error?.line == 1)
  }

  /// A translation is what the model writes by itself: what answers beside it would not be heard.
  @Test(arguments: ["[lora-per-task]", "[{ema: {}}]"]) func answersBesideTheModelAreRefused(
    strategies: String
  ) throws {
    let error = #expect(throws: LearnerError.self) {
      try Self.learner(TextRecipeTests.strategies(strategies))
    }
    #expect("\(try #require(error))".contains("by itself"))
  }

  static let data = ProcessInfo.processInfo.environment["PERENNIAL_DATA"].map { DataRoot($0) }

  @Test(.enabled(if: data != nil, "set PERENNIAL_DATA to a folder with multi30k"))
  func captionsOfPictures() throws {
    let root = try #require(Self.data)
    let (train, test) = try LanguageRecord.multi30k(root, pairs: ["de-en", "cs-en"])
    #expect(train.count == 58000 && test.count == 2000)
    #expect(train[0].group == "de-en" && test[1999].group == "cs-en")
    guard case .answer(let source, let target) = train[0].content else { throw TextDataError("", "") }
    #expect(source.hasPrefix("Zwei junge") && target.hasPrefix("Two young"))
    #expect(throws: TextDataError.self) { try LanguageRecord.multi30k(root, pairs: ["de-it"]) }
  }
}
