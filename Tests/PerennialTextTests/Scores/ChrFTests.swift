import Perennial
import Testing

@testable import PerennialText

@Suite struct ChrFTests {
  @Test func corporaScoreAsInSacrebleu() throws {
    let golden = try ScoreGolden.load()
    #expect(golden.chrf.count >= 12)
    for item in golden.chrf {
      for corpus in item.corpora {
        var chrF = try ChrF(item.settings)
        try chrF.add(golden.items(corpus.part, references: corpus.references))
        let score = try #require(chrF.score)
        #expect(
          isClose(score, corpus.score), "\(corpus.part), \(corpus.signature): \(score), not \(corpus.score)")
        #expect(chrF.signature == "\(corpus.signature)|version:perennial-1")
        #expect(chrF.name == corpus.name)
      }
    }
  }

  @Test func sentencesScoreAsInSacrebleu() throws {
    let golden = try ScoreGolden.load()
    for item in golden.chrf {
      let chrF = try ChrF(item.settings)
      #expect(item.sentences.count == golden.items.count)
      for (text, expected) in zip(golden.items, item.sentences) {
        let score = try chrF.sentence(text.text, references: text.references)
        #expect(isClose(score, expected), "\(text.text), \(chrF.signature): \(score), not \(expected)")
      }
    }
  }

  @Test(arguments: [0, 2]) func aTextIsItsOwnBestTranslation(_ wordOrder: Int) throws {
    var chrF = try ChrF(wordOrder: wordOrder)
    for item in try ScoreGolden.load().items {
      let isEmpty = item.text.unicodeScalars.allSatisfy(\.isSpace)
      let score = try chrF.sentence(item.text, references: [item.text])
      #expect(isClose(score, isEmpty ? 0 : 100), "\(item.text)")
      try chrF.add(item.text, references: [item.text] + item.references)
    }
    #expect(isClose(try #require(chrF.score), 100))
  }

  @Test func neitherOrderNorSideMattersWhereRecallWeighsAsPrecision() throws {
    let items = try ScoreGolden.load().items
    let balanced = try ChrF(beta: 1)
    var forward = try ChrF(wordOrder: 2)
    var backward = forward
    for (item, other) in zip(items, items.reversed()) {
      try forward.add(item.text, references: item.references)
      try backward.add(other.text, references: other.references)
      let score = try balanced.sentence(item.text, references: [item.references[0]])
      let mirrored = try balanced.sentence(item.references[0], references: [item.text])
      #expect(isClose(score, mirrored), "\(item.text)")
      #expect(0...100.000001 ~= score)
    }
    #expect(forward.score == backward.score)
  }

  @Test func theBestReferenceCounts() throws {
    let chrF = try ChrF()
    for item in try ScoreGolden.load().items {
      let each = try item.references.map { try chrF.sentence(item.text, references: [$0]) }
      #expect(try chrF.sentence(item.text, references: item.references) == each.max())
    }
  }

  @Test func aSentenceLeavesTheCorpusAlone() throws {
    var chrF = try ChrF()
    #expect(chrF.score == nil)
    try chrF.add("abc", reference: "abd")
    let before = chrF.score
    _ = try chrF.sentence("x", references: ["y"])
    #expect(chrF.score == before)
    #expect(try chrF.sentence("abc", references: ["abd"]) == before)
  }

  @Test func mistakesAreNamed() throws {
    var chrF = try ChrF()
    #expect(throws: ScoreError.noReferences(item: 1)) { try chrF.add("a", references: []) }
    #expect(throws: ScoreError.wrongLength(what: "lists of references", expected: 0, found: 1)) {
      try chrF.add([], references: [["a"]])
    }
    #expect(throws: ScoreError.self) { try ChrF(characterOrder: 0) }
    #expect(throws: ScoreError.self) { try ChrF(wordOrder: -1) }
    #expect(throws: ScoreError.self) { try ChrF(beta: .max) }
  }
}
