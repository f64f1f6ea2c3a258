import Foundation
import Perennial
import PerennialTokenizers
import Testing
import Torch

@testable import PerennialText

/// What models write for what they are given, judged by scores of recipes.
@Suite struct WritingTests {
  static func recipe(
    _ score: String, model: String = "{gpt: {layers: 1, heads: 2, width: 48, dropout: 0}}",
    records: String =
      "{train: pairs.jsonl, test: judge.jsonl, rows: {separator: ' = ', vocabulary: 300, length: 24}}"
  ) throws -> Recipe {
    try TextRecipeTests.recipe(
      data: "{records: \(records)}", model: model, objective: "{writing: {score: \(score)}}",
      scenario: "domain")
  }

  static func learner(_ recipe: Recipe, steps: Int, root: DataRoot) throws -> (Perennial.Stream, Learner) {
    let modality = TextModality(root: root)
    let stream = try modality.stream(recipe, seed: 0)
    let learner = try Learner(
      modality.blueprint(recipe, for: stream), objective: modality.objective(recipe),
      optimizer: Adam(learningRate: 0.005), strategies: [],
      options: TrainingOptions(batch: 32, length: .steps(steps)), pipeline: stream.pipeline, seed: 1)
    return (stream, learner)
  }

  /// What a language model writes after a prompt is judged, and it is what `generate` gives.
  @Test(arguments: [("exact-match", ScoreKind.exactMatch), ("rouge-l", .rougeL), ("chrf", .chrf)])
  func languageModelsAreJudgedByTheirAnswers(score: String, kind: ScoreKind) throws {
    let root = try TranslationTests.root()
    let recipe = try Self.recipe(score)
    let (stream, learner) = try Self.learner(recipe, steps: 250, root: root)
    #expect(learner.objective.scoreKind == kind)
    let before = try Evaluator(stream).look(at: learner).scores.map(\.score)
    try learner.learn(stream.experience(0))
    let after = try Evaluator(stream).look(at: learner).scores.map(\.score)
    #expect(before[0] < 0.2 && after[0] > 0.6, "\(before) \(after)")

    let tokenizer = try #require(try TextModality(root: root).sources.texts(recipe).tokenizer)
    let model = try #require(learner.model.languageModel)
    let name = try #require(stream.names.first)
    let records = try LanguageRecordFile(root.url.appendingPathComponent("judge.jsonl")).records
      .filter { $0.group?.name == name }
    var expected = try #require(WritingScore(rawValue: score)).make()
    for record in records {
      guard case .answer(let prompt, let completion) = record.content else { continue }
      let whole = try TokenSequence(record, tokenizer, separator: " = ")
      let given = try #require(whole.answer).lowerBound
      let written = try model.generate([Array(whole.ids[..<given])])[0].tokens
      try expected.add(tokenizer.decode(written.map(Int32.init)), reference: completion)
      #expect(tokenizer.decode(whole.ids[..<given].map(Int32.init)).contains(prompt))
    }
    #expect(abs(expected.share(of: expected.sums) - after[0]) < 1e-9)
  }

  /// References are whole, whatever rows hold of what is learned.
  @Test(arguments: ["{gpt: {layers: 1, heads: 2, width: 16}}", "{t5: {layers: 1, heads: 2, width: 16}}"])
  func referencesAreNotCut(model: String) throws {
    let root = try TranslationTests.root()
    let words = (0..<40).map { "word\($0)" }.joined(separator: " ")
    try Data("{\"prompt\": \"say\", \"completion\": \"\(words)\"}".utf8).write(
      to: root.url.appendingPathComponent("long.jsonl"))
    let recipe = try TextRecipeTests.recipe(
      data: "{records: {train: long.jsonl, test: long.jsonl, rows: {length: 8, vocabulary: 270}}}",
      model: model, objective: "{writing: {score: chrf}}", scenario: "instance", experiences: 1)
    let modality = TextModality(root: root)
    let stream = try modality.stream(recipe, seed: 0)
    let tokenizer = try #require(try modality.sources.texts(recipe).tokenizer)
    func reference(_ examples: Examples) throws -> String {
      let row = try examples.targets.integers()
      return tokenizer.decode(row[Writing.reference(in: row)].map(Int32.init))
    }
    #expect(try reference(stream.test(0)) == words)
    #expect(try stream.experience(0).examples.targets.shape[1] == 8)
    #expect(words.hasPrefix(try reference(stream.experience(0).examples)))
    // What a model is given is no longer than it can take.
    let inputs = try stream.test(0).inputs
    #expect(inputs.shape.last == 8)
    // The score hears all of it.
    let (_, learner) = try Self.learner(recipe, steps: 1, root: root)
    _ = try noGrad { try learner.model(inputs) }
    let score = try Evaluator(stream).look(at: learner).scores[0].score
    let row = try stream.test(0).targets.integers()
    var options = GenerationOptions()
    options.maximumNewTokens = row.count
    let ids: [Int]
    if let model = learner.model.encoderDecoder {
      ids = try model.generate(model.sources(inputs), options)[0].tokens
    } else {
      let given = Array(try inputs.integers().prefix(Writing.reference(in: row).lowerBound + 1))
      ids = try #require(learner.model.languageModel).generate([given], options)[0].tokens
    }
    var expected = try ChrF()
    try expected.add(
      tokenizer.decode(ids.prefix { !tokenizer.isSpecial($0) }.map(Int32.init)), reference: words)
    #expect(abs(try #require(expected.score) / 100 - score) < 1e-9)
  }

  /// Nothing is computed for what fills rows up, and nothing else changes; rows of a length can come together.
  @Test(arguments: ["gpt", "llama"]) func fillingCostsNothing(model: String) throws {
    let root = try TranslationTests.root()
    let lines = (0..<24).map { number in
      let words = (0...(number % 5)).map { "word\($0)" }.joined(separator: " ")
      return "{\"prompt\": \"say \(number)\", \"completion\": \"\(words)\"}"
    }
    try Data(lines.joined(separator: "\n").utf8).write(to: root.url.appendingPathComponent("uneven.jsonl"))
    let recipe = try TextRecipeTests.recipe(
      data: """
        {records: {train: uneven.jsonl, test: uneven.jsonl, rows: {length: 40, vocabulary: 270, separator: '='}}}
        """, model: "{\(model): {layers: 2, heads: 2, width: 16}}", objective: "tokens",
      scenario: "instance", experiences: 1)
    let modality = TextModality(root: root)
    let stream = try modality.stream(recipe, seed: 0)
    let examples = try stream.experience(0).examples
    let network = try modality.blueprint(recipe, for: stream).make(RandomStreams(seed: 1))
    let backbone = try #require(network.backbone as? LanguageModelBackbone)
    let filler = try #require(backbone.filler)
    let plain = Network(backbone.model)
    network.evaluate()
    let lengths = try #require(try stream.pipeline.lengths?(examples.inputs).integers())
    #expect(Set(lengths).count > 3 && lengths.allSatisfy { $0 < 40 })
    for row in 0..<examples.count {
      let own = try examples.inputs[row].integers()
      #expect(own[lengths[row]...].allSatisfy { $0 == filler } && own[lengths[row] - 1] != filler)
      let last = try examples.targets[row].integers().lastIndex { $0 >= 0 }
      #expect(last == lengths[row] - 1)
    }
    let inputs = try examples.inputs[0..<8]
    let (features, whole) = try noGrad { (try network.features(inputs), try plain.features(inputs)) }
    #expect(features.shape == whole.shape)
    for row in 0..<8 {
      let count = lengths[row]
      let difference = try (features[row][0..<count] - whole[row][0..<count]).abs().amax([0, 1]).item()
      #expect(difference < 1e-5)
      #expect(try features[row][count..<40].abs().amax([0, 1]).item() == 0)
    }
    let objective = TokenPrediction()
    let targets = try examples.targets[0..<8]
    let (loss, expected) = try noGrad {
      (
        try objective.meanLoss(network(inputs), targets).item(),
        try objective.meanLoss(plain(inputs), targets).item()
      )
    }
    #expect(abs(loss - expected) < 1e-5)
  }

  /// A conversation's answer ends at the mark that closes it, whatever a model that knows no such end writes on.
  @Test func answersEndWhereTheReferenceDoes() throws {
    let root = try TranslationTests.root()
    let lines = ["one", "two", "three", "four"].map {
      #"{"messages": [{"role": "user", "content": "say \#($0)"}, {"role": "assistant", "content": "\#($0) it is"}]}"#
    }
    try Data(lines.joined(separator: "\n").utf8).write(to: root.url.appendingPathComponent("talks.jsonl"))
    let recipe = try TextRecipeTests.recipe(
      data: """
        {records: {train: talks.jsonl, test: talks.jsonl, rows: {chat: chatml, length: 120, vocabulary: 270}}}
        """, model: "{gpt: {layers: 1, heads: 2, width: 64, dropout: 0}}",
      objective: "{writing: {score: exact-match, tokens: 24}}", scenario: "instance", experiences: 1)
    let (stream, learner) = try Self.learner(recipe, steps: 200, root: root)
    try learner.learn(stream.experience(0))
    #expect(try Evaluator(stream).look(at: learner).scores[0].score > 0.7)
  }

  /// Where rows may end in the token that fills others up, all of each is computed.
  @Test func rowsThatEndInFillingAreNotCut() throws {
    let tokenizer = try Tokenizer.trainByteLevelBPE(
      on: ["say yes"], size: 300, specialTokens: ["<pad>", "</s>"])
    func source(_ text: String) throws -> DataSource {
      let records = FiledRecords(file: "f", records: [LanguageRecord(.text(text))])
      return try DataSource.records(
        "set", train: records, test: records, tokenizer, RecordRows(length: 30))
    }
    #expect(try source("say yes").pipeline.lengths != nil)
    #expect(try source("say yes<pad>").pipeline.lengths == nil)
  }

  @Test func whatCannotBeJudgedIsRefused() throws {
    let root = try TranslationTests.root()
    try Data("{\"prompt\": \"say\", \"completion\": \"yes\"}\n\n{\"text\": \"alone\"}".utf8).write(
      to: root.url.appendingPathComponent("lone.jsonl"))
    let modality = TextModality(root: root)
    let lone = try Self.recipe(
      "bleu", records: "{train: pairs.jsonl, test: lone.jsonl, rows: {vocabulary: 300}}")
    let error = #expect(throws: TextDataError.self) { try modality.stream(lone, seed: 0) }
    #expect(error?.line == 3 && error?.file.hasSuffix("lone.jsonl") == true, "\(error.map { "\($0)" } ?? "")")
    let corpora = try TextRecipeTests.recipe(
      data: TextRecipeTests.corpora, model: "{gpt: {}}", objective: "writing", scenario: "domain")
    let refused = #expect(throws: ConfigurationError.self) { try modality.objective(corpora) }
    #expect(refused?.description.contains("`records`") == true)
    #expect(throws: ConfigurationError.self) { try modality.objective(Self.recipe("meteor")) }
  }

  /// Sums over parts of a corpus give the score of the whole.
  @Test(arguments: WritingScore.allCases) func sumsAddUp(score: WritingScore) throws {
    let pairs = [
      ("the cat sat on the mat today", "the cat sat on a mat today"), ("A b c d e.", "a b c d e"),
      ("one two three four", "one two three four five six"),
    ]
    var whole = try score.make()
    var sums: [Double] = []
    for (text, reference) in pairs {
      try whole.add(text, reference: reference)
      var one = try score.make()
      try one.add(text, reference: reference)
      sums = sums.isEmpty ? one.sums : zip(sums, one.sums).map { $0 + $1 }
    }
    #expect(whole.sums == sums)
    let share = whole.share(of: sums)
    switch score {
    case .bleu:
      var same = try BLEU()
      for (text, reference) in pairs { try same.add(text, reference: reference) }
      #expect(abs(try #require(same.score).value / 100 - share) < 1e-12)
    case .chrf:
      var same = try ChrF()
      for (text, reference) in pairs { try same.add(text, reference: reference) }
      #expect(abs(try #require(same.score) / 100 - share) < 1e-12)
    case .rougeL:
      var same = try ROUGE()
      for (text, reference) in pairs { try same.add(text, reference: reference) }
      #expect(abs(try #require(same.score(.longestCommonSubsequence)).fMeasure - share) < 1e-12)
    // Articles, case and punctuation make no difference.
    case .exactMatch: #expect(abs(share - 2.0 / 3) < 1e-12)
    case .wordF1:
      var same = AnswerMatch()
      for (text, reference) in pairs { try same.add(text, reference: reference) }
      #expect(abs(try #require(same.f1) - share) < 1e-12)
    }
  }
}
