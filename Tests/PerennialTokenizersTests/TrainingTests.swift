import Foundation
import Testing

@testable import PerennialTokenizers

/// Vocabularies and merges against Hugging Face's trainers on the same texts.
@Suite struct TrainingTests {
  struct Golden: Decodable {
    let size: Int
    let frequency: Int
    let count: Int?
    let merges: [String]?
    let tokens: [String]
  }

  let golden: [String: Golden]
  let texts: [String]

  init() throws {
    golden = try TokenizerFixtures.decode("training.json")
    texts = try TokenizerFixtures.decode("training-text.json")
  }

  private func checkByteLevel(_ golden: Golden, _ texts: some Sequence<String>) throws -> Tokenizer {
    let tokenizer = try Tokenizer.trainByteLevelBPE(
      on: texts, size: golden.size, minimumFrequency: golden.frequency,
      specialTokens: ["<|endoftext|>", "<pad>"])
    let tokens = (0..<tokenizer.endID).map { tokenizer.token(of: $0) }
    let hasSameTokens = tokens.map { $0.map { Array($0.utf8) } } == golden.tokens.map { Array($0.utf8) }
    #expect(hasSameTokens)
    let root = JSONNode(
      value: try JSONParser.parse(tokenizer.document, file: "trained"), file: "trained", key: "")
    let merges = try root.required("model").required("merges").elements().map {
      try $0.elements().map { try $0.string() }.joined(separator: " ")
    }
    let hasSameMerges = merges == golden.merges
    #expect(hasSameMerges)
    return tokenizer
  }

  @Test func byteLevelBPE() throws {
    let golden = try #require(golden["small"])
    #expect(golden.count == texts.count)
    let tokenizer = try checkByteLevel(golden, texts)
    #expect(tokenizer.vocabularyCount == 700)
    #expect(tokenizer.isSpecial(0) && tokenizer.isSpecial(1) && !tokenizer.isSpecial(2))
  }

  @Test(.enabled(if: TokenizerFixtures.data != nil, "PERENNIAL_DATA names no data root"))
  func byteLevelBPEOfALargerText() throws {
    let golden = try #require(golden["large"])
    let lines = try Corpora(root: #require(TokenizerFixtures.data)).lines("tinyshakespeare", step: 1)
    _ = try checkByteLevel(golden, lines.prefix(#require(golden.count)))
  }

  /// There, characters inside words are numbered by a hash table's order, which ties depend on. Given that order, the
  /// rest is the same.
  @Test func wordPiece() throws {
    let golden = try #require(golden["wordpiece"])
    let first = try #require(
      golden.tokens.dropFirst(5).firstIndex { $0.unicodeScalars.count > 1 && !isSingle($0) })
    let normalizer = try #require(try TokenizerFixtures.tokenizer("bert").normalizer)
    let counts = WordCounts(texts, normalizer: normalizer, steps: [.bert])
    var trainer = MergeTrainer(size: golden.size, minimumFrequency: golden.frequency, prefix: "##")
    let result = try trainer.train(counts, specialTokens: Array(golden.tokens[..<first]))
    let isSame = result.tokens == golden.tokens.map { Array($0.utf8) }
    #expect(isSame)

    let tokenizer = try Tokenizer.trainWordPiece(
      on: texts, size: golden.size, minimumFrequency: golden.frequency)
    #expect(tokenizer.vocabularyCount == golden.size)
    let initial = Set(golden.tokens[..<first].map { Array($0.utf8) })
    let isSameAlphabet =
      initial == Set((0..<first).compactMap { tokenizer.token(of: $0).map { Array($0.utf8) } })
    #expect(isSameAlphabet)
    #expect(tokenizer.encode("First Citizen").ids.first == 2)
    #expect(
      tokenizer.decode(tokenizer.encode("We are accounted poor citizens").ids)
        == "we are accounted poor citizens")
  }

  private func isSingle(_ token: String) -> Bool {
    token.utf8.starts(with: "##".utf8) && token.unicodeScalars.count == 3
  }

  @Test func savedTokenizersEncodeAsBefore() throws {
    let folder = try TokenizerFixtures.folder([:])
    defer { try? FileManager.default.removeItem(at: folder) }
    for tokenizer in [
      try Tokenizer.trainByteLevelBPE(on: texts, size: 400),
      try Tokenizer.trainWordPiece(on: texts, size: 400),
      try TokenizerFixtures.tokenizer("llama2"),
    ] {
      try tokenizer.save(to: folder)
      let read = try Tokenizer(folder: folder)
      let encodesAsBefore = texts.map { read.encode($0) } == texts.map { tokenizer.encode($0) }
      #expect(encodesAsBefore)
      #expect(read.document == tokenizer.document)
    }
    #expect(throws: TokenizerError.self) {
      try TokenizerFixtures.tokenizer("t5").save(to: folder.appendingPathComponent("no/such/folder.json"))
    }
  }

  @Test func byteLevelTextComesBack() throws {
    let tokenizer = try Tokenizer.trainByteLevelBPE(on: texts, size: 500)
    for text in try TokenizerFixtures.texts() where !text.contains("<|endoftext|>") {
      #expect(Array(tokenizer.decode(tokenizer.encode(text).ids).utf8) == Array(text.utf8))
    }
  }

  @Test func impossibleVocabulariesAreRefused() throws {
    #expect(throws: TokenizerError.vocabularyTooSmall(asked: 100, needed: 257)) {
      try Tokenizer.trainByteLevelBPE(on: texts, size: 100)
    }
    #expect(
      throws: TokenizerError.unknownToken(file: "trained tokenizer", key: "model.unk_token", token: "[UNK]")
    ) {
      try Tokenizer.trainWordPiece(on: texts, size: 500, specialTokens: ["[PAD]"])
    }
    #expect(try Tokenizer.trainByteLevelBPE(on: [], size: 300).vocabularyCount == 257)
  }
}
