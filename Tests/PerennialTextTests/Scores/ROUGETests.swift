import Perennial
import Testing

@testable import PerennialText

@Suite struct ROUGETests {
  @Test func itemsAndMeansScoreAsInRougeScore() throws {
    let golden = try ScoreGolden.load()
    #expect(golden.rouge.count == 8)
    for item in golden.rouge {
      let variant = try #require(ROUGE.reported.first { $0.description == item.variant })
      var rouge = try ROUGE([variant], stems: item.stems)
      try rouge.add(golden.items)
      let mean = try #require(rouge.score(variant))
      for (ours, theirs) in zip([mean.precision, mean.recall, mean.fMeasure], item.mean) {
        #expect(isClose(ours, theirs), "\(item.variant): \(ours), not \(theirs)")
      }
      #expect(item.f.count == golden.items.count)
      for (text, expected) in zip(golden.items, item.f) {
        let score = try rouge.item(text.text, references: text.references)[variant]?.fMeasure
        #expect(isClose(try #require(score), expected), "\(text.text): \(score as Any), not \(expected)")
      }
    }
  }

  struct Stems: Decodable { let stems: [String] }

  @Test func stemsAreThoseOfNLTK() throws {
    let pairs: Stems = try ScoreGolden.load("text_ranking")
    #expect(pairs.stems.count > 1300)
    for pair in pairs.stems {
      let parts = pair.split(separator: " ")
      #expect(
        String(decoding: PorterStemmer.stem(Array(parts[0].utf8)), as: UTF8.self) == parts[1], "\(parts[0])")
    }
  }

  @Test func theStemmerTakesAnything() {
    for word in ["", "s", "ed", "ied", "ing", "e", "y", "ll", "0", "sses", "ation", "yyyyyyyy"] {
      #expect(PorterStemmer.stem(Array(word.utf8)).count <= word.utf8.count)
    }
  }

  @Test func sidesMayBeExchanged() throws {
    let rouge = try ROUGE([.grams(1), .grams(2), .grams(3), .longestCommonSubsequence])
    for item in try ScoreGolden.load().items {
      let forward = try rouge.item(item.text, references: [item.references[0]])
      let backward = try rouge.item(item.references[0], references: [item.text])
      for variant in rouge.variants {
        let (one, other) = (try #require(forward[variant]), try #require(backward[variant]))
        #expect(one.precision == other.recall && one.recall == other.precision)
        #expect(isClose(one.fMeasure, other.fMeasure))
        #expect(0...1 ~= one.precision && 0...1 ~= one.recall && 0...1 ~= one.fMeasure)
      }
    }
  }

  @Test func aTextIsItsOwnBestSummaryInAnyOrderOfItems() throws {
    let items = try ScoreGolden.load().items
    let worded = items.filter { $0.text.unicodeScalars.contains { "a"..."z" ~= $0 } }
    var rouge = try ROUGE([.grams(1), .longestCommonSubsequence, .summary])
    for item in worded { try rouge.add(item.text, references: item.references + [item.text]) }
    for variant in rouge.variants { #expect(rouge.score(variant)?.fMeasure == 1) }
    #expect(rouge.score(.grams(2)) == nil)

    var (forward, backward) = (try ROUGE(), try ROUGE())
    for (item, other) in zip(items, items.reversed()) {
      try forward.add(item.text, references: item.references)
      try backward.add(other.text, references: other.references)
    }
    for variant in ROUGE.reported {
      let (one, other) = (try #require(forward.score(variant)), try #require(backward.score(variant)))
      #expect(isClose(one.fMeasure, other.fMeasure) && isClose(one.recall, other.recall))
    }
  }

  /// Lin 2004, section 3.2: w1 w2 w3 w4 w5 against two sentences; the union of subsequences has 4 of 5 words.
  @Test func theUnionOfThePaper() throws {
    let rouge = try ROUGE([.summary])
    let score = try #require(
      try rouge.item("w1 w2 w6 w7 w8\nw1 w3 w8 w9 w5", references: ["w1 w2 w3 w4 w5"])[.summary])
    #expect(score.recall == 4.0 / 5)
  }

  @Test func mistakesAreNamed() throws {
    for order in [Int.min, 0, 10] {
      #expect(throws: ScoreError.outOfRange(what: "the order of ROUGE", value: "\(order)", allowed: "1 to 9"))
      {
        try ROUGE([.grams(order)])
      }
    }
    var rouge = try ROUGE()
    #expect(rouge.score(.summary) == nil)
    #expect(throws: ScoreError.noReferences(item: 1)) { try rouge.add("a", references: []) }
    #expect(throws: ScoreError.noReferences(item: 1)) { try rouge.item("a", references: []) }
    #expect(throws: ScoreError.self) { try rouge.add(["a"], references: []) }
  }
}
