/// How many n-grams of one order a text has, a reference has, and both have.
struct OrderCounts: Sendable {
  var hypothesis = 0
  var reference = 0
  var matches = 0

  var precision: Double? { hypothesis > 0 ? Double(matches) / Double(hypothesis) : nil }
  var recall: Double? { reference > 0 ? Double(matches) / Double(reference) : nil }

  static func + (one: OrderCounts, other: OrderCounts) -> OrderCounts {
    OrderCounts(
      hypothesis: one.hypothesis + other.hypothesis, reference: one.reference + other.reference,
      matches: one.matches + other.matches)
  }
}

/// The n-grams of a text for chrF, by order.
struct ChrFGrams {
  private let characters: [NGramCounts<Unicode.Scalar>]
  private let words: [NGramCounts<Int>]

  init(characters: CodePoints, words: [Int], characterOrder: Int, wordOrder: Int) {
    self.characters = (0..<characterOrder).map { NGramCounts(characters, order: $0 + 1) }
    self.words = (0..<wordOrder).map { NGramCounts(words, order: $0 + 1) }
  }

  func counts(against reference: ChrFGrams) -> [OrderCounts] {
    zip(characters, reference.characters).map { Self.counts($0, $1) }
      + zip(words, reference.words).map { Self.counts($0, $1) }
  }

  /// An order that the reference lacks counts for nothing.
  private static func counts<Element>(
    _ hypothesis: NGramCounts<Element>, _ reference: NGramCounts<Element>
  ) -> OrderCounts {
    let total = reference.total
    return OrderCounts(
      hypothesis: total > 0 ? hypothesis.total : 0, reference: total, matches: hypothesis.matches(reference))
  }

  /// Words with one punctuation mark split off: the last character, otherwise the first.
  static func words(of text: CodePoints) -> [ArraySlice<Unicode.Scalar>] {
    text.words.flatMap { word in
      if word.count == 1 { return [word] }
      if word.last?.isASCIIPunctuation == true { return [word.dropLast(), word.suffix(1)] }
      if word.first?.isASCIIPunctuation == true { return [word.prefix(1), word.dropFirst()] }
      return [word]
    }
  }
}
