import Foundation
import PerennialTokenizers
import Testing
import Torch

@testable import Perennial
@testable import PerennialText

/// Texts as recipes have them: read, cut, learned by the strategies of images, and mistakes told before that.
@Suite struct TextRecipeTests {
  static let poem = """
    the cat sat on the mat and the rat sat on the hat while the bat sat on the vat
    the dog ran to the log and the hog ran to the bog while the frog ran to the fog

    """
  static let list = "12 + 34 = 46; 23 + 45 = 68; 34 + 56 = 90; 45 + 12 = 57; 56 + 31 = 87; "

  /// A data root with two corpora, records of two domains, and a tokenizer that was learned from them.
  static func root() throws -> DataRoot {
    let folder = FileManager.default.temporaryDirectory.appendingPathComponent("root-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    func write(_ name: String, _ text: String) throws {
      try Data(text.utf8).write(to: folder.appendingPathComponent(name))
    }
    try write("poem.txt", String(repeating: poem, count: 20))
    try write("list.txt", String(repeating: list, count: 40))
    let words = ["pay": ["bill", "rent", "debt"], "fly": ["plane", "jet", "kite"]]
    var lines: [String] = []
    for (task, items) in words.sorted(by: { $0.key < $1.key }) {
      for item in items {
        for start in ["please", "now", "can you", "how to"] {
          lines.append(
            #"{"text": "\#(start) \#(task) the \#(item)", "label": "\#(task)-\#(item)", "task": "\#(task)"}"#)
        }
      }
    }
    try write("train.jsonl", lines.joined(separator: "\n"))
    try write(
      "test.jsonl", lines.map { $0.replacingOccurrences(of: "the", with: "a") }.joined(separator: "\n"))
    try Tokenizer.trainWordPiece(on: lines, size: 120).save(
      to: folder.appendingPathComponent("tokenizer.json"))
    return DataRoot(folder.path)
  }

  static func recipe(
    data: String, model: String, objective: String = "classification", scenario: String = "class",
    experiences: Int = 2, more: String = ""
  ) throws -> Recipe {
    try Recipe(
      yaml: """
        name: text/tiny
        stream: {data: \(data), scenario: \(scenario), experiences: \(experiences)}
        model: \(model)
        objective: \(objective)
        training: {optimizer: {adamw: {lr: 0.01}}, batch: 8, steps: 30}
        strategies: {finetune: []}
        seeds: [0]
        \(more)
        """, source: "tiny.yaml")
  }

  static let corpora = "{corpora: {texts: [poem.txt, list.txt], tokenizer: bytes, block: 16, limit: 3000}}"
  static let records =
    "{texts: {train: train.jsonl, test: test.jsonl, tokenizer: tokenizer.json, length: 16}}"

  static func languageLearner(
    _ strategies: [any Strategy], model: String = "{gpt: {layers: 2, heads: 2, width: 32}}"
  ) throws -> (Perennial.Stream, Learner) {
    let modality = TextModality(root: try root())
    let recipe = try recipe(data: corpora, model: model, objective: "tokens", scenario: "domain")
    let stream = try modality.stream(recipe, seed: 0)
    let learner = try Learner(
      modality.blueprint(recipe, for: stream), objective: TokenPrediction(),
      optimizer: Adam(learningRate: 0.01),
      strategies: strategies, options: TrainingOptions(batch: 8, length: .steps(30)),
      pipeline: stream.pipeline,
      seed: 3)
    return (stream, learner)
  }

  static func strategies(_ text: String) throws -> [any Strategy] {
    try ConfigurationNode(yaml: text, source: "test").decode([Selection].self).map {
      try StrategyRegistry.make($0)
    }
  }

  @Test func eachCorpusIsAnExperience() throws {
    let (stream, learner) = try Self.languageLearner([])
    #expect(stream.names == ["poem", "list"])
    let evaluator = Evaluator(stream)
    let before = try evaluator.look(at: learner).scores.map(\.score)
    for score in before { #expect(abs(score - 1.0 / 256) < 0.002) }
    try learner.learn(stream.experience(0))
    let first = try evaluator.look(at: learner).scores.map(\.score)
    try learner.learn(stream.experience(1))
    let second = try evaluator.look(at: learner).scores.map(\.score)
    #expect(first[0] > 8.0 / 256 && second[1] > 8.0 / 256, "\(first), \(second)")
    // Plain fine-tuning forgets.
    #expect(second[0] < 0.6 * first[0])
  }

  /// The strategies of images, on texts.
  @Test(arguments: [
    "[{replay: {memory: 100}}]", "[{ewc: {lambda: 100, fisher: empirical}}]", "[{si: {}}]",
    "[{mas: {lambda: 0.001}}]",
    "[{distillation: {teacher: past-self}}]", "[lora, {distillation: {teacher: unadapted}}]", "[o-lora]",
    "[lora, {ewc: {lambda: 100, fisher: empirical}}, {replay: {memory: 100}}]", "[joint]",
    "[{der: {memory: 50}}]", "[{knn-lm: {neighbours: 16, key: hidden}}]",
    "[{distillation: {teacher: past-self, terms: [{dkd: {}}]}}]",
  ])
  func strategiesDoNotKnowOfTexts(text: String) throws {
    guard !text.contains("dkd") else {
      // Terms that need classes say so.
      #expect(throws: (any Error).self) {
        let (stream, learner) = try Self.languageLearner(Self.strategies(text))
        let facts = StreamFacts(
          classes: nil, experiences: 2, scenario: .domainIncremental, strategies: ["distillation"])
        for strategy in learner.strategies { try strategy.check(facts) }
        try learner.learn(stream.experience(0))
      }
      return
    }
    let (stream, learner) = try Self.languageLearner(Self.strategies(text))
    for index in 0..<stream.count { try learner.learn(stream.experience(index)) }
    let scores = try Evaluator(stream).look(at: learner).scores.map(\.score)
    #expect(scores[1] > 1.2 / 256, "\(scores)")
  }

  /// What is of classes, or of a sum over all labels, is refused before anything is learned.
  @Test(arguments: [
    ("[lwf]", "past-self"), ("[{ewc: {}}]", "empirical"), ("[kfac-ewc]", "empirical"),
  ]) func whatTokensCannotServeIsRefused(strategies: String, hint: String) throws {
    let modality = TextModality(root: try Self.root())
    let recipe = try Recipe(
      yaml: """
        name: text/tiny
        stream: {data: \(Self.corpora), scenario: domain, experiences: 2}
        model: {gpt: {layers: 1, heads: 2, width: 16}}
        objective: tokens
        training: {optimizer: {adamw: {lr: 0.01}}, batch: 8, steps: 3}
        strategies: {arm: \(strategies)}
        seeds: [0]
        """, source: "tiny.yaml")
    let error = #expect(throws: ConfigurationError.self) { try Experiment.check(recipe, modality: modality) }
    let text = "\(try #require(error))"
    #expect(text.contains(hint) && text.contains("tiny.yaml:6"), "\(text)")
  }

  /// A model must know every token of the tokenizer and take rows as long; the tokenizer's filling is what is masked.
  @Test func modelsAndTokenizersMustAgree() throws {
    let root = try Self.root()
    func network(vocabulary: Int, positions: Int, padding: Int, length: Int = 64) throws -> Network {
      let folder = root.url.appendingPathComponent("model-\(vocabulary)-\(positions)-\(padding)")
      var c = BERTConfiguration()
      (c.layers, c.heads, c.width, c.innerWidth) = (1, 2, 16, 32)
      (c.vocabularySize, c.maximumLength, c.paddingToken) = (vocabulary, positions, padding)
      try ModelFolder(folder).save(BERT(c, Generator(seed: 1), dropout: Generator(seed: 2)))
      try Data(contentsOf: root.url.appendingPathComponent("tokenizer.json")).write(
        to: folder.appendingPathComponent("tokenizer.json"))
      let modality = TextModality(root: root)
      let recipe = try Self.recipe(
        data: "{texts: {train: train.jsonl, test: test.jsonl, length: \(length)}}",
        model: "{encoder: {path: \(folder.lastPathComponent)}}")
      return try modality.blueprint(recipe, for: modality.stream(recipe, seed: 0)).make(
        RandomStreams(seed: 1))
    }
    let tokenizer = try Tokenizer(file: root.url.appendingPathComponent("tokenizer.json"))
    let count = tokenizer.endID
    func refusal(vocabulary: Int, positions: Int) throws -> String {
      "\(try #require(#expect(throws: ConfigurationError.self) { try network(vocabulary: vocabulary, positions: positions, padding: 0) }))"
    }
    #expect(try refusal(vocabulary: count - 1, positions: 64).contains("do not belong together"))
    #expect(try refusal(vocabulary: count, positions: 3).contains("takes 3"))
    // Rows are shorter than they may be.
    _ = try network(vocabulary: count, positions: 16, padding: 0, length: 1000)
    let filling = try #require(tokenizer.specialTokens.padding)
    let other = try network(vocabulary: count, positions: 64, padding: 7)
    #expect((other.backbone as? SentenceEncoder)?.paddingToken == filling)
    let row = tokenizer.encode("please fly the plane").ids.map(Int.init)
    let (short, long) = try noGrad {
      try other.evaluating {
        (
          try other.features(Tensor(row, shape: [1, row.count])),
          try other.features(Tensor(row + [filling, filling], shape: [1, row.count + 2]))
        )
      }
    }
    try expectClose(long, short, "filling", within: 1e-6)
  }

  /// Of texts with outputs at every token, few are asked about at once: all outputs of a batch are there together.
  @Test func importancesTakeSmallBatches() throws {
    let rows = try Examples(
      inputs: Tensor.zeros([300, 64], dtype: .int64), targets: .zeros([300, 64], dtype: .int64))
    #expect(PerSampleGradients.batch(of: rows, outputs: 50_257) == 1)
    #expect(PerSampleGradients.batch(of: rows, outputs: 1000) == 65)
    let items = try Examples(inputs: Tensor.zeros([300, 4]), targets: .zeros([300], dtype: .int64))
    #expect(PerSampleGradients.batch(of: items, outputs: 1000) == 256)
  }

  /// Scores between steps are of so many tokens, not rows: whoever answers token by token is asked as often as for classes.
  @Test func scoresBetweenStepsCountTokens() throws {
    final class Listener: Strategy {
      let name = "listener"
      var asked = 0
      var answersBeyondModel: Bool { true }
      func answer(_ question: Question, _ learner: Learner) throws -> Tensor? {
        asked += question.inputs.shape[0]
        return nil
      }
    }
    let listener = Listener()
    let (stream, learner) = try Self.languageLearner([listener])
    #expect(try stream.test(0).targets.shape[1] == 16)
    let score = try Evaluator(stream).score(0, of: learner, limit: 100)
    #expect(listener.asked == 6 && score > 0)
    _ = try Evaluator(stream).score(0, of: learner, limit: 3)
    #expect(listener.asked == 7)
  }

  /// What comes later in a text has no part in whose it is taken for, and so none in what is said of earlier tokens.
  @Test func routersDoNotLookAhead() throws {
    let (stream, learner) = try Self.languageLearner(Self.strategies("[{lora-per-task: {route: 6}}]"))
    for index in 0..<stream.count { try learner.learn(stream.experience(index)) }
    let tests = try (0..<stream.count).map { try stream.test($0).inputs }
    for (own, other) in [(tests[0], tests[1]), (tests[1], tests[0])] {
      let rows = try own[0..<4].to(.int64)
      let changed = try Tensor.concatenate(
        [
          rows.narrow(dim: 1, start: 0, count: 10),
          other[0..<4].to(.int64).narrow(dim: 1, start: 10, count: 6),
        ], dim: 1)
      let (before, after) = (try learner.predict(rows), try learner.predict(changed))
      let (first, second) = try (
        before.narrow(dim: 1, start: 0, count: 10), after.narrow(dim: 1, start: 0, count: 10)
      )
      try expectClose(second, first, "earlier tokens", within: 1e-6)
    }
    // Behind them adapters speak; in front of them the model does, as for one that learned alike and reads on before it chooses.
    let (_, other) = try Self.languageLearner(Self.strategies("[{lora-per-task: {route: 15}}]"))
    for index in 0..<stream.count { try other.learn(stream.experience(index)) }
    for test in tests {
      let (own, bare) = (try learner.predict(test[0..<8]), try other.predict(test[0..<8]))
      func difference(_ places: Range<Int>) throws -> Double {
        try (own - bare).narrow(dim: 1, start: places.lowerBound, count: places.count).abs().amax([0, 1, 2])
          .item()
      }
      #expect(try difference(0..<6) < 1e-6 && difference(6..<15) > 0.01)
    }
    let refused = #expect(throws: StrategyError.self) {
      let (stream, learner) = try Self.languageLearner(Self.strategies("[lora-per-task]"))
      try learner.begin(stream.experience(0))
    }
    #expect("\(try #require(refused))".contains("lower it"))
  }

  /// Stopped and gone on, to the bit.
  @Test(arguments: ["[]", "[lora, {replay: {memory: 50}}]", "[{knn-lm: {neighbours: 16}}]"])
  func runsGoOnAsIfTheyHadNeverStopped(text: String) throws {
    func losses(stopping at: Int?) throws -> [Double] {
      var (stream, learner) = try Self.languageLearner(Self.strategies(text))
      var losses: [Double] = []
      for index in 0..<stream.count {
        try learner.begin(stream.experience(index))
        while let session = learner.session, !session.isDone {
          if losses.count == at {
            let state = try learner.state()
            (stream, learner) = try Self.languageLearner(Self.strategies(text))
            try learner.restore(
              state, experience: stream.experience(index), past: { try stream.experience($0) })
          }
          losses.append(try learner.step())
        }
        try learner.end()
      }
      return losses
    }
    let whole = try losses(stopping: nil)
    #expect(try losses(stopping: 37) == whole)
  }

  /// The unadapted model is the one before all learning: its answers are a fresh model's.
  @Test func theTeacherWithoutAdaptersIsTheModelBefore() throws {
    let (stream, learner) = try Self.languageLearner(Self.strategies("[lora]"))
    let (_, fresh) = try Self.languageLearner([])
    try learner.learn(stream.experience(0))
    let examples = try stream.test(0)
    let batch = try learner.batch(of: examples, Tensor.arange(0, 4), isAugmented: false)
    let signal = try #require(try UnadaptedTeacher().signals(batch, taps: [], learner).first)
    let expected = try noGrad { try fresh.model.evaluating { try fresh.model(batch.inputs) } }
    #expect(try (signal.look.outputs - expected).abs().amax([0, 1, 2]).item() < 1e-5)
    let learned = try noGrad { try learner.model.evaluating { try learner.model(batch.inputs) } }
    #expect(try (learned - expected).abs().amax([0, 1, 2]).item() > 0.1)
  }

  @Test func domainsOfRecordsAreExperiences() throws {
    let modality = TextModality(root: try Self.root())
    let recipe = try Self.recipe(
      data: Self.records, model: "{bert: {layers: 1, heads: 2, width: 32, dropout: 0}}")
    let stream = try modality.stream(recipe, seed: 0)
    #expect(stream.names == ["fly", "pay"])
    let learner = try Learner(
      modality.blueprint(recipe, for: stream), optimizer: Adam(learningRate: 0.01),
      strategies: [Joint.cumulative()],
      options: TrainingOptions(batch: 8, length: .steps(60)), pipeline: stream.pipeline, seed: 3)
    for index in 0..<stream.count { try learner.learn(stream.experience(index)) }
    let scores = try Evaluator(stream).look(at: learner).scores.map(\.score)
    #expect(scores.allSatisfy { $0 > 0.9 }, "\(scores)")
  }

  /// A text's vector is the one that its encoder gives; nothing else of the text is left.
  @Test func textsCanBeVectorsFromTheStart() throws {
    let root = try Self.root()
    let folder = root.url.appendingPathComponent("encoder")
    var c = BERTConfiguration()
    (c.layers, c.heads, c.width, c.innerWidth, c.vocabularySize) = (1, 2, 16, 32, 120)
    try ModelFolder(folder).save(BERT(c, Generator(seed: 1), dropout: Generator(seed: 2)))
    try Data(contentsOf: root.url.appendingPathComponent("tokenizer.json")).write(
      to: folder.appendingPathComponent("tokenizer.json"))
    let modality = TextModality(root: root)
    let recipe = try Self.recipe(
      data: "{texts: {train: train.jsonl, test: test.jsonl, vectors: encoder}}", model: "{bert: {}}")
    let stream = try modality.stream(recipe, seed: 0)
    let embedder = try TextEmbedder(folder: folder)
    let expected = try embedder(["please fly the plane", "now fly the plane"])
    let found = try stream.experience(0).examples.inputs[0..<2]
    #expect(found.shape == [2, 16])
    #expect(try (found - expected).abs().amax([0, 1]).item() < 1e-5)
    let error = #expect(throws: ConfigurationError.self) { try modality.blueprint(recipe, for: stream) }
    #expect(error?.description.contains("the data are vectors") == true)
    // Texts that lose their end are counted, or refused; the folder says how long they may be.
    let short = "{texts: {train: train.jsonl, test: test.jsonl, vectors: encoder, length: 5"
    let cut = try modality.stream(Self.recipe(data: short + "}}", model: "{bert: {}}"), seed: 0)
    #expect(cut.source.note?.contains("were cut to 5 tokens") == true)
    let refused = #expect(throws: TextDataError.self) {
      try modality.stream(Self.recipe(data: short + ", long: refuse}}", model: "{bert: {}}"), seed: 0)
    }
    #expect("\(try #require(refused))".contains("more tokens than the 5"))
    try Data(#"{"max_seq_length": 7}"#.utf8).write(
      to: folder.appendingPathComponent("sentence_bert_config.json"))
    #expect(
      try TextEmbedder(folder: folder).length == 7 && TextEmbedder(folder: folder, length: 9).length == 9)
    try Data(#"{"max_seq_length": "x"}"#.utf8).write(
      to: folder.appendingPathComponent("sentence_bert_config.json"))
    #expect(throws: FileError.self) { try TextEmbedder(folder: folder) }
  }

  /// Texts of a length go together, every text comes once an epoch, and a run goes on from anywhere.
  @Test func bucketsOfOneLength() throws {
    let modality = TextModality(root: try Self.root())
    let recipe = try Self.recipe(
      data: Self.records, model: "{bert: {layers: 1, heads: 2, width: 16, dropout: 0}}", experiences: 1)
    let stream = try modality.stream(recipe, seed: 0)
    let lengths = try #require(try stream.pipeline.lengths?(stream.experience(0).examples.inputs).integers())
    #expect(Set(lengths).count > 1)
    func spread(_ window: Int?) throws -> (filling: Int, places: [Int]) {
      var sampler = BatchSampler(
        count: lengths.count, batch: 4, stopsAtEpoch: true,
        buckets: window.map { LengthBuckets(lengths, window: $0) })
      let generator = try Generator(seed: 4)
      var (filling, places): (Int, [Int]) = (0, [])
      while places.count < lengths.count {
        let batch = try sampler.next(generator).integers()
        filling += batch.reduce(0) { $0 + (batch.map { lengths[$0] }.max() ?? 0) - lengths[$1] }
        places += batch
      }
      return (filling, places)
    }
    let (plain, sorted) = (try spread(nil), try spread(6))
    #expect(
      plain.places.sorted() == Array(lengths.indices) && sorted.places.sorted() == plain.places.sorted())
    #expect(sorted.filling * 3 < plain.filling, "\(sorted.filling) and \(plain.filling) places of filling")
    func losses(stopping at: Int?) throws -> [Double] {
      func make() throws -> Learner {
        try Learner(
          modality.blueprint(recipe, for: stream), optimizer: Adam(learningRate: 0.01),
          options: TrainingOptions(batch: 4, length: .epochs(3), buckets: 2), pipeline: stream.pipeline,
          seed: 3)
      }
      var learner = try make()
      var losses: [Double] = []
      try learner.begin(stream.experience(0))
      while let session = learner.session, !session.isDone {
        if losses.count == at {
          let state = try learner.state()
          learner = try make()
          try learner.restore(
            state, experience: stream.experience(0), past: { try stream.experience($0) })
        }
        losses.append(try learner.step())
      }
      return losses
    }
    #expect(try losses(stopping: 9) == losses(stopping: nil))
  }

  @Test func bucketsAreForRowsThatDiffer() throws {
    let recipe = try Recipe(
      yaml: """
        name: text/tiny
        stream: {data: \(Self.corpora), scenario: domain, experiences: 2}
        model: {gpt: {layers: 1, heads: 2, width: 16}}
        objective: tokens
        training: {optimizer: adam, batch: 8, steps: 3, buckets: 4}
        strategies: {finetune: []}
        seeds: [0]
        """, source: "tiny.yaml")
    let error = #expect(throws: ConfigurationError.self) {
      try Experiment.check(recipe, modality: TextModality(root: Self.root()))
    }
    #expect(error?.description.contains("leave `buckets` out") == true)
  }

  /// Filling does not change what a text means.
  @Test func rowsOfOneLengthAndOfAnotherGiveTheSame() throws {
    let modality = TextModality(root: try Self.root())
    let recipe = try Self.recipe(data: Self.records, model: "{bert: {layers: 1, heads: 2, width: 32}}")
    let stream = try modality.stream(recipe, seed: 0)
    let network = try modality.blueprint(recipe, for: stream).make(RandomStreams(seed: 1))
    let ids = try stream.test(0).inputs
    let filled = try Tensor.concatenate([ids, Tensor.zeros([ids.shape[0], 5], dtype: .int64)], dim: 1)
    let (one, other) = try network.evaluating { (try network.features(ids), try network.features(filled)) }
    #expect(try noGrad { try (one - other).abs().amax([0, 1]).item() } < 1e-6)
    // Where nothing learns, many texts are sorted by their lengths; each still gets its own vector.
    let many = try Tensor.concatenate([Tensor](repeating: ids, count: 6))
    let together = try noGrad { try network.evaluating { try network.features(many) } }
    #expect(many.shape[0] > 64)
    for copy in 0..<6 {
      let part = try together.narrow(dim: 0, start: copy * ids.shape[0], count: ids.shape[0])
      #expect(try noGrad { try (part - one).abs().amax([0, 1]).item() } < 1e-6)
    }
  }

  @Test(arguments: [
    (Self.records, "mlp", "classification", "unknown model for texts `mlp`"),
    (Self.records, "{gpt: {}}", "classification", "`objective: tokens`"),
    (Self.corpora, "gpt", "tokens", "the scenario class splits by class"),
    (Self.records, "{bert: {}}", "tokens", "texts are written by gpt"),
    ("{texts: {train: train.jsonl, test: test.jsonl}}", "bert", "classification", "missing key `tokenizer`"),
    ("{texts: {train: train.jsonl}}", "bert", "classification", "missing key `test`"),
    (Self.records, "{bert: {width: 30, heads: 4}}", "classification", "must divide by `heads`"),
    ("{corpora: {texts: []}}", "gpt", "tokens", "must name at least one corpus"),
    ("{corpora: {texts: [nowhere.txt], tokenizer: bytes}}", "gpt", "tokens", "there is no such file"),
    (Self.records, "{encoder: {}}", "classification", "missing key `path`"),
    (Self.records, "{encoder: {path: nowhere}}", "classification", "nowhere"),
  ])
  func mistakesAreTold(data: String, model: String, objective: String, message: String) throws {
    let modality = TextModality(root: try Self.root())
    do {
      let recipe = try Self.recipe(data: data, model: model, objective: objective, experiences: 1)
      let stream = try modality.stream(recipe, seed: 0)
      _ = try modality.blueprint(recipe, for: stream).make(RandomStreams(seed: 0))
      Issue.record("nothing was refused")
    } catch {
      #expect("\(error)".contains(message), "\(error)")
    }
  }
}
