import Perennial
import Testing

@testable import PerennialText

@Suite struct AnswerMatchTests {
  @Test func itemsAndMeansScoreAsInSQuAD() throws {
    let golden = try ScoreGolden.load()
    var match = AnswerMatch()
    for (index, item) in golden.items.enumerated() {
      let score = try AnswerMatch.item(item.text, references: item.references)
      #expect(score.isExact == (golden.answers.exact[index] == 1), "\(item)")
      #expect(isClose(score.f1, golden.answers.f1[index]), "\(item)")
      try match.add(item.text, references: item.references)
    }
    #expect(isClose(try #require(match.exactMatch), golden.answers.means[0]))
    #expect(isClose(try #require(match.f1), golden.answers.means[1]))
  }

  @Test func wordsAreThoseOfSQuAD() throws {
    let golden = try ScoreGolden.load()
    let expected = try #require(golden.tokens["squad"])
    #expect(expected.count == golden.strings.count)
    for (text, expected) in zip(golden.strings, expected) {
      #expect(AnswerMatch.words(text) == expected.map { Array($0.unicodeScalars) }, "\(text)")
    }
  }

  @Test func sidesMayBeExchanged() throws {
    for item in try ScoreGolden.load().items {
      let forward = try AnswerMatch.item(item.text, references: [item.references[1]])
      let backward = try AnswerMatch.item(item.references[1], references: [item.text])
      #expect(forward.isExact == backward.isExact && isClose(forward.f1, backward.f1))
      #expect(0...1 ~= forward.f1 && (!forward.isExact || forward.f1 == 1))
    }
  }

  @Test(arguments: [
    ("The cat.", "a CAT", 1.0), ("", "the", 1), ("cat", "", 0), ("", "cat", 0), ("cat dog", "cat", 2.0 / 3),
  ])
  func pairsWorkedByHand(_ text: String, _ reference: String, _ f1: Double) throws {
    let score = try AnswerMatch.item(text, references: [reference])
    #expect(isClose(score.f1, f1) && score.isExact == (f1 == 1))
  }

  @Test func mistakesAreNamed() throws {
    var match = AnswerMatch()
    #expect(match.f1 == nil && match.exactMatch == nil)
    #expect(throws: ScoreError.noReferences(item: 1)) { try match.add("a", references: []) }
    #expect(throws: ScoreError.noReferences(item: 1)) { try AnswerMatch.item("a", references: []) }
    #expect(throws: ScoreError.self) { try match.add(["a", "b"], references: [["a"], []]) }
    #expect(match.f1 == nil)
  }
}
