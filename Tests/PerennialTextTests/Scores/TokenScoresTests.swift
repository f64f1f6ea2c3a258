import Foundation
import Perennial
import Testing

@testable import PerennialText

@Suite struct TokenScoresTests {
  @Test func aUniformModelIsAsPerplexedAsItHasTokens() throws {
    var perplexity = Perplexity()
    #expect(perplexity.value == nil)
    for count in [3, 0, 12, 1] {
      try perplexity.add(negativeLogLikelihood: Double(count) * log(50), tokens: count)
    }
    #expect(perplexity.tokens == 16)
    #expect(isClose(try #require(perplexity.value), 50))
    try perplexity.add(negativeLogLikelihood: .infinity, tokens: 1)
    #expect(perplexity.value == .infinity)
  }

  @Test func mistakesInPerplexityAreNamed() throws {
    var perplexity = Perplexity()
    #expect(throws: ScoreError.notANumber(what: "the sum of negative log-likelihoods")) {
      try perplexity.add(negativeLogLikelihood: .nan, tokens: 1)
    }
    #expect(throws: ScoreError.self) { try perplexity.add(negativeLogLikelihood: -.infinity, tokens: 1) }
    for count in [-1, Int.min] {
      #expect(throws: ScoreError.self) { try perplexity.add(negativeLogLikelihood: 1, tokens: count) }
    }
    try perplexity.add(negativeLogLikelihood: 1, tokens: .max)
    #expect(throws: ScoreError.outOfRange(what: "the number of tokens", value: "1", allowed: "0 to 0")) {
      try perplexity.add(negativeLogLikelihood: 1, tokens: 1)
    }
    #expect(perplexity.tokens == .max && perplexity.negativeLogLikelihood == 1)
  }

  @Test func paddingIsNoToken() throws {
    var accuracy = TokenAccuracy()
    #expect(accuracy.value == nil)
    try accuracy.add([1, 2, 3, 4], labels: [1, 2, 4, -100])
    #expect(accuracy.correct == 2 && accuracy.tokens == 3)
    try accuracy.add([0], labels: [0], ignoring: 0)
    #expect(accuracy.tokens == 3)
    try accuracy.add([-100], labels: [-100], ignoring: nil)
    #expect(accuracy.value == 0.75)
    #expect(throws: ScoreError.wrongLength(what: "labels", expected: 1, found: 0)) {
      try accuracy.add([1], labels: [])
    }
  }

  @Test func errorsAreWrittenForReaders() {
    for (error, text) in [
      (
        ScoreError.noReferences(item: 3),
        "item 3 has no references; every item needs at least one, which may be empty"
      ),
      (
        .outOfRange(what: "the cutoff", value: "0", allowed: "1 and more"),
        "the cutoff is 0; allowed is 1 and more"
      ),
      (.notANumber(what: "the score of item 2"), "the score of item 2 is not a number"),
      (
        .wrongLength(what: "lists of references", expected: 2, found: 1),
        "lists of references must be 2, one for each, but are 1"
      ),
    ] { #expect(error.description == text) }
  }
}
