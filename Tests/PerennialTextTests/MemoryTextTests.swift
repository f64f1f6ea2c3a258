import Foundation
import Perennial
import PerennialTokenizers
import Testing
import Torch

@testable import PerennialText

/// External memories on texts: the next token, facts in versions, adaptation to neighbours, texts of no class.
@Suite struct MemoryTextTests {
  /// Neighbours tell what the model has not learned yet, and nothing once they are withdrawn.
  @Test(arguments: ["{gpt: {layers: 2, heads: 2, width: 32}}", "{llama: {layers: 2, heads: 2, width: 32}}"])
  func contextsThatWereSeenTellTheNextToken(model: String) throws {
    var options = NeighbourLanguageModel.Options()
    (options.neighbours, options.share) = (32, 0.5)
    let strategy = NeighbourLanguageModel(options)
    let (stream, learner) = try TextRecipeTests.languageLearner([strategy], model: model)
    let (_, plain) = try TextRecipeTests.languageLearner([], model: model)
    for one in [learner, plain] { try one.learn(stream.experience(0)) }
    let evaluator = Evaluator(stream)
    let (with, without) = try (evaluator.look(at: learner), evaluator.look(at: plain))
    #expect(with.scores[0].score > 1.2 * without.scores[0].score, "\(with.scores), \(without.scores)")
    let examples = try stream.experience(0).examples
    #expect(strategy.memory?.count == examples.targets.count)
    #expect(strategy.memory?.width == 32)
    try strategy.forget(examples.identifiers.integers(), length: 16)
    #expect(strategy.memory?.count == 0)
    #expect(try evaluator.look(at: learner).scores == without.scores)
  }

  /// What is asked at each place is the mixture of the paper, by hand from what is remembered.
  @Test func everyPlaceIsTheMixture() throws {
    var options = NeighbourLanguageModel.Options()
    (options.neighbours, options.temperature) = (5, 3)
    let strategy = NeighbourLanguageModel(options)
    let (stream, learner) = try TextRecipeTests.languageLearner([strategy])
    try learner.learn(stream.experience(0))
    let ids = try stream.test(1).inputs[0..<2]
    let answer = try learner.predict(ids)
    let tap = "feed-forwards.1"
    let look = try noGrad { try learner.model.evaluating { try learner.model.look(ids, taps: [tap]) } }
    let own = try look.outputs.softmax()
    let memory = try #require(strategy.memory)
    let keys = try memory.keys.to(.float32)
    for (row, place) in [(0, 0), (0, 15), (1, 7)] {
      let distances = try (keys - look.value(tap)[row][place]).square().sum([1])
      // Of equally near ones, those that came first.
      let all = try distances.floats()
      let places = try Tensor(Array(all.indices.sorted { (all[$0], $0) < (all[$1], $1) }.prefix(5)))
      let near = try distances.indexSelect(places)
      let weights = try (near / -3).softmax(0).floats()
      var expected = try own[row][place].floats().map { 0.75 * $0 }
      for (weight, token) in zip(weights, try memory.values.indexSelect(places).integers()) {
        expected[token] += 0.25 * weight
      }
      let given = try answer[row][place].exp().floats()
      for (one, other) in zip(given, expected) { #expect(abs(one - other) < 1e-4) }
    }
  }

  @Test func aTapThatTheModelLacksIsNamed() throws {
    var options = NeighbourLanguageModel.Options()
    options.key = "layers.9"
    let (stream, learner) = try TextRecipeTests.languageLearner([NeighbourLanguageModel(options)])
    #expect(throws: TapError.self) { try learner.learn(stream.experience(0)) }
  }

  // MARK: - Facts

  static let encoder = "{bert: {layers: 1, heads: 2, width: 32, dropout: 0}}"

  /// A data root with a tokenizer for the invented world.
  static func world() throws -> (root: DataRoot, file: FactFile) {
    let folder = FileManager.default.temporaryDirectory.appendingPathComponent("facts-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    let file = try FactFile.inventedWorld()
    try Tokenizer.trainWordPiece(on: file.statements.map(\.question), size: 300).save(
      to: folder.appendingPathComponent("tokenizer.json"))
    return (DataRoot(folder.path), file)
  }

  /// After each version: what is new and what is unchanged is right, and what was withdrawn is not given.
  @Test func factsAreUpdatedAndWithdrawnByTheirMemory() throws {
    let (root, file) = try Self.world()
    let modality = TextModality(root: root)
    let recipe = try TextRecipeTests.recipe(
      data: "{facts: {tokenizer: tokenizer.json}}", model: Self.encoder, experiences: 5)
    let stream = try modality.stream(recipe, seed: 0)
    #expect(stream.names == (1...5).map { "version \($0)" })
    var options = NearestNeighbours.Options()
    options.neighbours = 1
    let strategy = NearestNeighbours(options)
    let learner = try Learner(
      modality.blueprint(recipe, for: stream).withFrozenBackbone(), optimizer: SGD(learningRate: 0.01),
      strategies: [strategy], options: TrainingOptions(batch: 64, length: .steps(1)),
      pipeline: stream.pipeline)
    let evaluator = Evaluator(stream)
    let labels = try TextDataset(file).classes
    for index in 0..<5 {
      try learner.learn(stream.experience(index))
      let scores = try evaluator.look(at: learner, after: index).scores
      for score in scores.prefix(index + 1) { #expect(score.score >= 0.95, "after \(index + 1)") }
      // What was withdrawn, asked again: not what was true of it.
      var held: [Int: String] = [:]
      for statement in file.statements where statement.version <= index + 1 {
        guard statement.answer == nil else {
          held[statement.fact] = statement.answer
          continue
        }
        let place = try #require(file.statements.firstIndex(of: statement))
        let inputs = try stream.source.train.inputs[place..<(place + 1)]
        let unit = try learner.predict(inputs).argmax(1).itemInt()
        #expect(labels[learner.classes.labels[unit]] != held[statement.fact])
      }
    }
    #expect(strategy.memory?.count == 280, "a fact has one item")
  }

  @Test(arguments: [
    (#"{"id": 1, "version": 1, "question": "q?"}"#, "`answer` is missing"),
    (#"{"id": 1, "version": 1, "answer": "a"}"#, "`question` is missing or empty"),
    (#"{"version": 1, "question": "q?", "answer": "a"}"#, "`id` is missing"),
    (#"{"id": 1, "question": "q?", "answer": "a"}"#, "`version` is missing"),
    (#"{"id": "x", "version": 1, "question": "q?", "answer": "a"}"#, "`id` is of another type"),
    (#"{"id": 1, "version": 1, "question": "q?", "answer": ""}"#, "`answer` is empty"),
    (#"{"id": 1, "version": 1, "question": "q?", "answer": "a", "withdrawn": true}"#, "has no answer"),
    (#"{"id": 1, "version": 2, "question": "q?", "withdrawn": true}"#, "does not hold"),
    (#"{"id": 0, "version": 1, "question": "first?", "answer": "b"}"#, "twice"),
    (#"{"id": 0, "version": 2, "question": "other?", "answer": "b"}"#, "another question"),
    (
      #"{"id": 0, "version": 2, "question": "first?", "paraphrase": "p?", "answer": "b"}"#, "another question"
    ),
    (
      #"{"id": 1, "version": 1, "question": "q?", "paraphrase": " ", "answer": "a"}"#, "`paraphrase` is empty"
    ),
    (#"{"id": 1, "version": 0, "question": "q?", "answer": "a"}"#, "version 0 comes after version 1"),
    ("{", "not a JSON object"),
  ])
  func mistakesInFactsAreNamedWithTheirLine(line: String, problem: String) throws {
    let folder = try TemporaryFolder()
    let url = folder.url.appendingPathComponent("facts.jsonl")
    let first =
      #"{"id": 0, "time": "now", "question": "first?", "answer": "a", "version": 1, "withdrawn": false}"#
    try Data("\(first)\n\n\(line)\n".utf8).write(to: url)
    let error = #expect(throws: TextDataError.self) { try FactFile(url) }
    #expect(error?.line == 3 && error?.problem.contains(problem) == true, "\(String(describing: error))")
    try Data("\n".utf8).write(to: url)
    #expect(throws: TextDataError.self) { try FactFile(url) }
    try Data([0xff, 0xfe, 0x0a]).write(to: url)
    #expect(throws: TextDataError(url.relativePath, line: 1, "not UTF-8")) { try FactFile(url) }
  }

  /// Asked in words that nothing was learned in: the same facts, and every word of the place's name.
  @Test func factsAreAskedInOtherWords() throws {
    let (root, file) = try Self.world()
    let (same, other) = (try TextDataset(file), try TextDataset(file, isParaphrased: true))
    #expect(same.train == other.train && same.test.map(\.label) == other.test.map(\.label))
    #expect(Set(other.test.map(\.text)).isDisjoint(with: other.train.map(\.text)))
    #expect(other.note == nil && same.note != nil)
    for (learned, asked) in zip(other.train, other.test) {
      let place = try #require(learned.text.split { !$0.isLetter }.last { $0.first?.isUppercase == true })
      #expect(asked.text.contains(place))
    }
    let recipe = try TextRecipeTests.recipe(
      data: "{facts: {tokenizer: tokenizer.json, paraphrased: true}}", model: Self.encoder, experiences: 5)
    let stream = try TextModality(root: root).stream(recipe, seed: 0)
    #expect(try !stream.test(0).inputs.equals(stream.experience(0).examples.inputs))
    let bare = root.url.appendingPathComponent("bare.jsonl")
    try Data(#"{"id": 1, "version": 1, "question": "q?", "answer": "a"}"#.utf8).write(to: bare)
    #expect(throws: TextDataError.self) { try TextDataset(FactFile(bare), isParaphrased: true) }
  }

  // MARK: - Adaptation, and texts of no class

  /// What it is for, on texts: the output layer has forgotten, the memory has not.
  @Test func adaptationRecallsTextsThatTheHeadForgot() throws {
    func first(_ strategies: [any Strategy]) throws -> Double {
      let modality = TextModality(root: try TextRecipeTests.root())
      let recipe = try TextRecipeTests.recipe(data: TextRecipeTests.records, model: Self.encoder)
      let stream = try modality.stream(recipe, seed: 0)
      let learner = try Learner(
        modality.blueprint(recipe, for: stream), optimizer: Adam(learningRate: 0.01), strategies: strategies,
        options: TrainingOptions(batch: 8, length: .steps(60)), pipeline: stream.pipeline, seed: 3)
      for index in 0..<stream.count { try learner.learn(stream.experience(index)) }
      return try Evaluator(stream).look(at: learner).scores[0].score
    }
    var options = MemoryBasedAdaptation.Options()
    (options.memory, options.neighbours, options.learningRate, options.steps) = (24, 4, 1, 10)
    let (with, without) = try (first([MemoryBasedAdaptation(options)]), first([]))
    #expect(without < 0.5 && with > without + 0.3, "\(with) with adaptation, \(without) without")
  }
}
