import Testing

@testable import Perennial

@Suite struct NumberTextTests {
  @Test func fixedHasNoNegativeZero() {
    #expect(NumberText.fixed(-0.04, 1) == "0.0")
    #expect(NumberText.fixed(-0.06, 1) == "-0.1")
    #expect(NumberText.fixed(.nan, 1) == "NaN")
    #expect(NumberText.fixed(-.infinity, 1) == "-inf")
  }

  @Test func fractionsAreShownInPercent() {
    #expect(NumberText.value(0.8881, of: .averageAccuracy) == "88.8")
    #expect(NumberText.value(12.3456, of: "perplexity") == "12.3")
    #expect(NumberText.spread(Statistic(mean: 0.5, std: 0.0123, n: 3), of: .forgetting) == "50.0 ± 1.2")
    #expect(NumberText.spread(Statistic(mean: 0.5, std: 0, n: 1), of: .forgetting) == "50.0")
  }

  @Test func durationsReadLikeClocks() {
    #expect(NumberText.duration(0.084) == "0.08 s")
    #expect(NumberText.duration(8.34) == "8.3 s")
    #expect(NumberText.duration(99.4) == "99.4 s")
    #expect(NumberText.duration(125) == "2 min 05 s")
    #expect(NumberText.duration(12_000) == "3 h 20 min")
    #expect(NumberText.duration(1e300).hasSuffix(" h"))
  }

  @Test func bytesCountInThousands() {
    #expect(NumberText.bytes(640) == "640 B")
    #expect(NumberText.bytes(784_000) == "784 kB")
    #expect(NumberText.bytes(3_140_000) == "3.1 MB")
    #expect(NumberText.bytes(999_600) == "1.0 MB")
    #expect(NumberText.bytes(412e6) == "412 MB")
    #expect(NumberText.bytes(1.24e9) == "1.2 GB")
  }

  @Test func wordsForCountsAndLists() {
    #expect(NumberText.count(1, "seed") == "1 seed" && NumberText.count(3, "seed") == "3 seeds")
    #expect(NumberText.list([]) == "" && NumberText.list(["a"]) == "a")
    #expect(NumberText.list(["a", "b", "c"]) == "a, b and c")
    #expect(NumberText.grouped(478_410) == "478\u{202F}410" && NumberText.grouped(-1234) == "-1\u{202F}234")
    #expect(NumberText.grouped(12) == "12")
  }
}
