import Foundation
import Testing
import Torch

@testable import Perennial
@testable import PerennialText

/// Steps that take less memory are the same steps: losses in pieces, batches in parts, blocks that are run again.
@Suite struct SmallStepTests {
  /// What tokens are predicted of.
  enum Texts: String {
    /// All of a text, of which two blocks make a row.
    case running
    /// What follows a prompt.
    case answers
    case translations

    func recipe(_ model: String) throws -> Recipe {
      switch self {
      case .running:
        try TextRecipeTests.recipe(
          data: TextRecipeTests.corpora, model: model, objective: "tokens", scenario: "domain")
      case .answers:
        try TextRecipeTests.recipe(
          data: """
            {records: {train: pairs.jsonl, test: judge.jsonl,
              rows: {separator: '<sep>', vocabulary: 300, length: 20}}}
            """, model: model, objective: "tokens", scenario: "domain")
      case .translations:
        try TranslationTests.recipe()
      }
    }

    func objective(_ recipe: Recipe, _ tokens: TokenPrediction, _ modality: TextModality) throws
      -> any Objective
    {
      guard self == .translations, let tokenizer = try modality.sources.texts(recipe).tokenizer else {
        return tokens
      }
      return try Writing(tokenizer, tokens)
    }
  }

  /// Looks whether outputs were made piece by piece.
  private final class Witness: Strategy {
    let name = "witness"
    let seesBatch = false
    let isOfPieces: Bool
    init(ofPieces: Bool) { isOfPieces = ofPieces }
    func observe(_ step: Step) throws { #expect((step.look.pieces != nil) == isOfPieces) }
  }

  static func weights(
    _ strategies: String = "[]", of texts: Texts = .running,
    model: String = "{gpt: {layers: 2, heads: 2, width: 32, dropout: 0}}",
    whole: Int = 1 << 23, accumulate: Int = 1, recompute: Bool = false,
    _ check: (Learner) throws -> Void = { _ in }
  ) throws -> (losses: [Double], weights: Tensor) {
    let modality = TextModality(root: try TranslationTests.root())
    let recipe = try texts.recipe(model)
    let stream = try modality.stream(recipe, seed: 0)
    var blueprint = try modality.blueprint(recipe, for: stream)
    if recompute { blueprint = blueprint.recomputing() }
    let objective = try texts.objective(
      recipe, TokenPrediction(labelSmoothing: 0.1, wholeOutputs: whole), modality)
    let learner = try Learner(
      blueprint, objective: objective,
      optimizer: SGD(learningRate: 0.1),
      strategies: TextRecipeTests.strategies(strategies) + [Witness(ofPieces: whole == 0)],
      options: TrainingOptions(batch: 48, length: .steps(5), accumulate: accumulate),
      pipeline: stream.pipeline,
      seed: 3)
    var losses: [Double] = []
    for index in 0..<2 {
      try learner.begin(stream.experience(index))
      losses += try (0..<5).map { _ in try learner.step() }
      if index == 0 { try learner.end() }
    }
    try check(learner)
    return (losses, try learner.vector.values.clone())
  }

  @Test(
    arguments: [
      "[]", "[{ewc: {lambda: 0.1, fisher: empirical}}]",
      "[{replay: {memory: 20, insert: end, weighting: experiences}}]",
      "[joint]", "[{der: {memory: 20, top: 5, alpha: 0.3}}]", "[{der++: {memory: 20, top: 5, alpha: 0.3}}]",
      "[{distillation: {teacher: past-self}}]",
    ], [Texts.running, .answers, .translations])
  func lossesInPieces(strategies: String, texts: Texts) throws {
    try Self.expectPieces(strategies, texts)
  }

  @Test(
    arguments: [
      ("[{lora: {targets: [c_attn]}}]", .running), ("[{lora: {targets: [c_attn]}}]", .answers),
      ("[{lamol: {lambda: 0.5}}]", .answers),
    ] as [(String, Texts)])
  func lossesInPiecesOfDecoders(strategies: String, texts: Texts) throws {
    try Self.expectPieces(strategies, texts)
  }

  static func expectPieces(_ strategies: String, _ texts: Texts) throws {
    let whole = try weights(strategies, of: texts)
    let pieces = try weights(strategies, of: texts, whole: 0)
    for (a, b) in zip(whole.losses, pieces.losses) { #expect(abs(a - b) < 1e-5, "\(a) \(b)") }
    try expectClose(pieces.weights, whole.weights, "weights", within: 1e-5)
  }

  /// Nobody looks at outputs: they are not made. Somebody does: they are.
  @Test func outputsAreMadeForThoseWhoLook() throws {
    final class Watcher: Strategy {
      let name = "watcher"
      let seesBatch: Bool
      var shapes: [[Int]] = []
      init(sees: Bool) { seesBatch = sees }
      func observe(_ step: Step) throws { shapes.append(step.outputs.shape) }
    }
    for sees in [false, true] {
      let watcher = Watcher(sees: sees)
      let modality = TextModality(root: try TextRecipeTests.root())
      let recipe = try TextRecipeTests.recipe(
        data: TextRecipeTests.corpora, model: "{llama: {layers: 1, heads: 2, width: 32}}",
        objective: "tokens",
        scenario: "domain")
      let stream = try modality.stream(recipe, seed: 0)
      let learner = try Learner(
        modality.blueprint(recipe, for: stream), objective: TokenPrediction(wholeOutputs: 0),
        optimizer: SGD(learningRate: 0.1), strategies: [watcher],
        options: TrainingOptions(batch: 6, length: .steps(1)), pipeline: stream.pipeline, seed: 3)
      try learner.learn(stream.experience(0))
      #expect(watcher.shapes == [sees ? [6, 16, 256] : [0]])
    }
  }

  /// An adapter beside the output layer takes part: its weight alone is not the output layer.
  @Test func adaptersOfTheOutputLayerAreHeard() throws {
    let model = try Golden.model("qwen2").load(Llama.self)
    let untied = try Golden.model("llama3").load(Llama.self)
    let features = try Tensor.normal([1, 3, untied.width], Generator(seed: 1))
    #expect(TokenHead(model).pieces(features) != nil && TokenHead(untied).pieces(features) != nil)
    var configuration = LowRankConfiguration()
    configuration.targets = .named(["lm_head"])
    let set = try untied.addAdapters("default", configuration, RandomStreams(seed: 1))
    #expect(TokenHead(untied).pieces(features) == nil)
    untied.removeAdapters(set)
    // Pieces are computed as the whole is, in the layer's own precision; a table that is the output layer has one too.
    for network in [untied, model] {
      let features = try Tensor.normal([1, 3, network.width], Generator(seed: 1))
      var outputs: [Tensor] = []
      for precision in [DType.float32, .bfloat16] {
        network.multiply(in: precision)
        let pieces = try #require(TokenHead(network).pieces(features))
        let rows = try pieces.collecting(at: Tensor.arange(0, 3), chunk: 2) { ["outputs": $0] }
        let whole = try noGrad { try TokenHead(network)(features) }
        try expectClose(#require(rows["outputs"]), whole[0].flatten(to: 0), "\(precision)", within: 1e-5)
        outputs.append(whole)
      }
      #expect(try !outputs[0].equals(outputs[1]))
    }
  }

  /// Losses of weighted items, terms of tokens, more than one piece: parts are the whole.
  @Test(
    arguments: [
      "[{replay: {memory: 60, insert: end, weighting: experiences}}, {distillation: {teacher: past-self}}]",
      "[{replay: {memory: 60}}, {distillation: {teacher: past-self}}]",
      "[{distillation: {teacher: past-self}}]",
      "[joint]", "[{knn-lm: {neighbours: 4, key: hidden}}]",
    ], [Texts.running, .answers, .translations])
  func partsOfTexts(strategies: String, texts: Texts) throws {
    guard texts != .translations || !strategies.contains("knn-lm") else { return }
    let whole = try Self.weights(strategies, of: texts)
    for size in [0, 1 << 23] {
      let parts = try Self.weights(strategies, of: texts, whole: size, accumulate: 7)
      for (a, b) in zip(whole.losses, parts.losses) { #expect(abs(a - b) < 1e-5, "\(a) \(b)") }
      try expectClose(parts.weights, whole.weights, "weights", within: 1e-5)
    }
  }

  /// Rows of prompts alone: nothing is to be learned, and nothing goes wrong.
  @Test(arguments: [0, 1 << 23], [1, 3])
  func batchesWithoutATokenThatCounts(whole: Int, accumulate: Int) throws {
    let modality = TextModality(root: try TranslationTests.root())
    let recipe = try Texts.running.recipe("{gpt: {layers: 1, heads: 2, width: 16, dropout: 0}}")
    let stream = try modality.stream(recipe, seed: 0)
    let learner = try Learner(
      modality.blueprint(recipe, for: stream), objective: TokenPrediction(wholeOutputs: whole),
      optimizer: SGD(learningRate: 0.1),
      strategies: TextRecipeTests.strategies("[{distillation: {teacher: past-self}}]"),
      options: TrainingOptions(batch: 6, length: .steps(2), accumulate: accumulate),
      pipeline: stream.pipeline,
      seed: 3)
    try learner.learn(stream.experience(0))
    let next = try stream.experience(1)
    let targets = try Tensor.full(next.examples.targets.shape, -100, dtype: .int64)
    try learner.begin(
      Experience(index: 1, name: next.name, examples: next.examples.with(targets: targets)))
    let before = try learner.vector.values.clone()
    #expect(try learner.step() == 0)
    #expect(try learner.vector.values.equals(before))
  }

  @Test(arguments: [2, 3]) func batchesInParts(parts: Int) throws {
    let (whole, split) = (try Self.weights(), try Self.weights(accumulate: parts))
    for (a, b) in zip(whole.losses, split.losses) { #expect(abs(a - b) < 1e-5) }
    try expectClose(split.weights, whole.weights, "weights", within: 1e-5)
    let all = try Self.weights(whole: 0, accumulate: parts, recompute: true)
    try expectClose(all.weights, whole.weights, "everything at once", within: 1e-5)
  }

  @Test func blocksRunAgain() throws {
    let dropout = "{gpt: {layers: 2, heads: 2, width: 32, dropout: 0.1}}"
    let (plain, again) = (try Self.weights(model: dropout), try Self.weights(model: dropout, recompute: true))
    #expect(plain.losses == again.losses)
    try expectClose(again.weights, plain.weights, "weights", within: 1e-6)
  }

  /// As a recipe says it.
  @Test func recipesReachThem() throws {
    let modality = TextModality(root: try TextRecipeTests.root())
    func recipe(_ training: String, model: String = "{gpt: {layers: 1, heads: 2, width: 32}}") throws
      -> Recipe
    {
      try Recipe(
        yaml: """
          name: text/tiny
          stream: {data: \(TextRecipeTests.corpora), scenario: domain, experiences: 2}
          model: \(model)
          objective: tokens
          training: {optimizer: {adamw: {lr: 0.01}}, batch: 8, steps: 3, \(training)}
          strategies: {finetune: []}
          seeds: [0]
          """, source: "tiny.yaml")
    }
    let one = try recipe("accumulate: 2, recompute: true, precision: bfloat16")
    #expect(one.training.accumulate == 2 && one.training.recompute)
    let stream = try modality.stream(one, seed: 0)
    let network = try modality.trainedBlueprint(one, for: stream).make(RandomStreams(seed: 0))
    #expect(try #require(network.languageModel as? GPT2).recomputesBlocks)
    #expect(network.linearLayers.allSatisfy { $0.layer.precision == .bfloat16 })
    let plain = try modality.trainedBlueprint(recipe("clip: 1"), for: stream).make(RandomStreams(seed: 0))
    let ids = try stream.test(0).inputs[0..<2]
    let (half, full) = (try noGrad { try network(ids) }, try noGrad { try plain(ids) })
    #expect(try !half.equals(full))
    try expectClose(half, full, "bfloat16", within: 0.05)
    #expect(throws: ConfigurationError.self) { try recipe("accumulate: 0") }
    #expect(throws: ConfigurationError.self) { try recipe("precision: float16") }
  }
}
