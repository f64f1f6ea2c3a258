import Perennial
import Testing

@testable import PerennialText

@Suite struct BLEUTests {
  @Test func corporaScoreAsInSacrebleu() throws {
    let golden = try ScoreGolden.load()
    #expect(golden.bleu.count >= 25)
    for item in golden.bleu {
      for corpus in item.corpora {
        var bleu = try BLEU(item.settings)
        try bleu.add(golden.items(corpus.part, references: corpus.references))
        let score = try #require(bleu.score)
        let place = "\(corpus.part), \(corpus.signature)"
        #expect(isClose(score.value, corpus.score), "\(place): \(score.value), not \(corpus.score)")
        #expect(zip(score.precisions, corpus.precisions).allSatisfy { isClose($0, $1) }, "\(place)")
        #expect(isClose(score.brevityPenalty, corpus.brevity_penalty), "\(place)")
        #expect(score.matches == corpus.matches && score.totals == corpus.totals, "\(place)")
        #expect([score.hypothesisLength, score.referenceLength] == corpus.lengths, "\(place)")
        #expect(bleu.signature == "\(corpus.signature)|version:perennial-1")
      }
    }
  }

  @Test func sentencesScoreAsInSacrebleu() throws {
    let golden = try ScoreGolden.load()
    #expect(golden.items.count >= 200)
    for item in golden.bleu where item.settings.effective_order != true {
      let bleu = try BLEU(item.settings)
      #expect(item.sentences.count == golden.items.count)
      for (text, expected) in zip(golden.items, item.sentences) {
        let score = try bleu.sentence(text.text, references: text.references).value
        #expect(isClose(score, expected), "\(text.text), \(bleu.signature): \(score), not \(expected)")
      }
    }
  }

  @Test(arguments: BLEUTokenizer.allCases) func wordsAreThoseOfSacrebleu(_ tokenizer: BLEUTokenizer) throws {
    let golden = try ScoreGolden.load()
    for lowercase in [false, true] {
      let expected = try #require(golden.tokens[tokenizer.rawValue + (lowercase ? "/lc" : "")])
      #expect(expected.count == golden.strings.count)
      for (text, expected) in zip(golden.strings, expected) {
        let points = Array(text.unicodeScalars)
        let words = tokenizer(lowercase ? points.lowercased() : points).map(Array.init)
        #expect(words == expected.map { Array($0.unicodeScalars) }, "\(text)")
      }
    }
  }

  @Test(arguments: BLEUTokenizer.allCases) func aTextIsItsOwnBestTranslation(_ tokenizer: BLEUTokenizer)
    throws
  {
    let golden = try ScoreGolden.load()
    var bleu = try BLEU(tokenizer: tokenizer)
    for item in golden.items {
      try bleu.add(item.text, references: item.references + [item.text])
      let one = try bleu.sentence(item.text, references: [item.text])
      let isEmpty = item.text.unicodeScalars.allSatisfy(\.isSpace)
      #expect(isClose(one.value, isEmpty ? 0 : 100), "\(item.text)")
    }
    #expect(isClose(try #require(bleu.score).value, 100))
  }

  @Test func neitherOrderNorBatchesMatter() throws {
    let items = try ScoreGolden.load().items
    var forward = try BLEU()
    try forward.add(items)
    var backward = try BLEU()
    for item in items.reversed() { try backward.add(item.text, references: item.references.reversed()) }
    #expect(forward.score == backward.score)
    #expect(forward.signature == "nrefs:2|case:mixed|eff:no|tok:13a|smooth:exp|version:perennial-1")
    try forward.add("one more", reference: "one more")
    #expect(forward.signature.hasPrefix("nrefs:var|"))
  }

  @Test func moreReferencesNeverMatchLess() throws {
    for item in try ScoreGolden.load().items {
      let bleu = try BLEU()
      let one = try bleu.sentence(item.text, references: [item.references[0]])
      let two = try bleu.sentence(item.text, references: item.references)
      #expect(zip(one.matches, two.matches).allSatisfy { $0 <= $1 } && one.totals == two.totals)
      for score in [one, two] { #expect(0...100.000001 ~= score.value && 0...1 ~= score.brevityPenalty) }
    }
  }

  /// By hand: 3 of 4 words and 1 of 3 pairs match; no longer n-gram does. r = 5 of the nearer reference.
  @Test func aScoreWorkedByHand() throws {
    var bleu = try BLEU(smoothing: .unsmoothed, maximumOrder: 2)
    try bleu.add("a b x d", references: ["a b c d e", "z z z z z z z"])
    let score = try #require(bleu.score)
    #expect(score.matches == [3, 1] && score.totals == [4, 3] && score.referenceLength == 5)
    #expect(isClose(score.value, 100 * 0.7788007830714049 * 0.5))
  }

  @Test func composedAndDecomposedLettersDiffer() throws {
    let bleu = try BLEU()
    #expect(try bleu.sentence("caf\u{E9}", references: ["cafe\u{301}"]).value == 0)
  }

  @Test func mistakesAreNamed() throws {
    var bleu = try BLEU()
    #expect(bleu.score == nil)
    #expect(throws: ScoreError.noReferences(item: 1)) { try bleu.add("a", references: []) }
    #expect(throws: ScoreError.noReferences(item: 1)) { try bleu.sentence("a", references: []) }
    #expect(throws: ScoreError.noReferences(item: 2)) { try bleu.add(["a", "b"], references: [["a"], []]) }
    #expect(throws: ScoreError.wrongLength(what: "lists of references", expected: 2, found: 1)) {
      try bleu.add(["a", "b"], references: [["a"]])
    }
    #expect(bleu.score == nil)
    for order in [Int.min, 0, 65, .max] {
      #expect(throws: ScoreError.outOfRange(what: "the maximum order", value: "\(order)", allowed: "1 to 64"))
      {
        try BLEU(maximumOrder: order)
      }
    }
    for value in [-1, .nan, .infinity] {
      #expect(throws: ScoreError.self) { try BLEU(smoothing: .floor(value)) }
      #expect(throws: ScoreError.self) { try BLEU(smoothing: .addK(value)) }
    }
  }
}
