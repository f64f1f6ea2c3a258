import Perennial

/// The character n-gram F-score as sacrebleu computes it; with words of order 2 it is chrF++.
///
///     chrF_β = 100 · (1 + β²) · P · R / (β² · P + R)
///
/// with P and R the precision and recall of character (and word) n-grams averaged over the orders that texts and
/// references have. Popović, chrF, 2015; chrF++, 2017. Of several references the first that scores best counts.
public struct ChrF: SummedScore {
  /// The longest n-grams, of characters and of words.
  public let characterOrder: Int
  public let wordOrder: Int
  /// How much more recall weighs than precision.
  public let beta: Int
  /// Whether upper and lower case are one.
  public let ignoresCase: Bool
  /// Whether white space counts as characters.
  public let keepsWhitespace: Bool
  /// Whether orders without n-grams count as almost 0, as in chrF++.py and Moses, instead of being left out.
  public let smoothsWithEpsilon: Bool

  private var count = ItemCount()
  private var counts: [OrderCounts]

  /// - Throws: `ScoreError.outOfRange` for orders or β outside 1 to 64; words may have order 0.
  public init(
    characterOrder: Int = 6, wordOrder: Int = 0, beta: Int = 2, ignoresCase: Bool = false,
    keepsWhitespace: Bool = false, smoothsWithEpsilon: Bool = false
  ) throws {
    try ScoreError.check("the character order", characterOrder, in: 1...64)
    try ScoreError.check("the word order", wordOrder, in: 0...64)
    try ScoreError.check("beta", beta, in: 1...64)
    self.characterOrder = characterOrder
    self.wordOrder = wordOrder
    self.beta = beta
    self.ignoresCase = ignoresCase
    self.keepsWhitespace = keepsWhitespace
    self.smoothsWithEpsilon = smoothsWithEpsilon
    counts = [OrderCounts](repeating: OrderCounts(), count: characterOrder + wordOrder)
  }

  public mutating func add(_ hypothesis: String, references: [String]) throws {
    try count.add(references: references.count)
    var best: (score: Double, counts: [OrderCounts]) = (-1, [])
    var numbers = WordNumbers()
    let hypothesis = grams(hypothesis, &numbers)
    for reference in references {
      let counts = hypothesis.counts(against: grams(reference, &numbers))
      let score = score(of: counts)
      if score > best.score { best = (score, counts) }
    }
    counts = zip(counts, best.counts).map { $0 + $1 }
  }

  /// Of each order, the n-grams of all texts, those of the references, and the matches.
  var sums: [Double] { counts.flatMap { [$0.hypothesis, $0.reference, $0.matches].map(Double.init) } }

  func share(of sums: [Double]) -> Double {
    let counts = stride(from: 0, to: sums.count, by: 3).map {
      OrderCounts(hypothesis: Int(sums[$0]), reference: Int(sums[$0 + 1]), matches: Int(sums[$0 + 2]))
    }
    return score(of: counts) / 100
  }

  /// The score of all items together, from 0 to 100; nil when nothing was counted.
  public var score: Double? { count.items == 0 ? nil : score(of: counts) }

  /// The score of one sentence by itself.
  /// - Throws: `ScoreError.noReferences` when there are none.
  public func sentence(_ hypothesis: String, references: [String]) throws -> Double {
    var one = self
    one.count = ItemCount()
    one.counts = [OrderCounts](repeating: OrderCounts(), count: counts.count)
    try one.add(hypothesis, references: references)
    return one.score(of: one.counts)
  }

  /// The name that tells the variants apart, such as `chrF2++`.
  public var name: String { "chrF\(beta)" + String(repeating: "+", count: wordOrder) }

  /// What a reader must know to compare, in sacrebleu's form:
  /// `nrefs:1|case:mixed|eff:yes|nc:6|nw:0|space:no|version:…`.
  public var signature: String {
    [
      "nrefs:\(count.signature)", "case:\(ignoresCase ? "lc" : "mixed")",
      "eff:\(smoothsWithEpsilon ? "no" : "yes")", "nc:\(characterOrder)", "nw:\(wordOrder)",
      "space:\(keepsWhitespace ? "yes" : "no")", "version:\(scoreVersion)",
    ].joined(separator: "|")
  }

  private func grams(_ text: String, _ numbers: inout WordNumbers) -> ChrFGrams {
    var text = Array(text.unicodeScalars)
    if ignoresCase { text = text.lowercased() }
    return ChrFGrams(
      characters: keepsWhitespace ? text : text.filter { !$0.isSpace },
      words: wordOrder > 0 ? numbers(ChrFGrams.words(of: text)) : [],
      characterOrder: characterOrder, wordOrder: wordOrder)
  }

  private func score(of counts: [OrderCounts]) -> Double {
    let epsilon = 1e-16
    let weight = Double(beta * beta)
    func mean(_ precision: Double, _ recall: Double) -> Double? {
      let denominator = weight * precision + recall
      return denominator > 0 ? (1 + weight) * precision * recall / denominator : nil
    }
    if smoothsWithEpsilon {
      let sum = counts.reduce(0) {
        $0 + (mean($1.precision ?? epsilon, $1.recall ?? epsilon) ?? epsilon)
      }
      return 100 * sum / Double(counts.count)
    }
    let shared = counts.filter { $0.hypothesis > 0 && $0.reference > 0 }
    guard !shared.isEmpty else { return 0 }
    let precision = shared.reduce(0) { $0 + ($1.precision ?? 0) } / Double(shared.count)
    let recall = shared.reduce(0) { $0 + ($1.recall ?? 0) } / Double(shared.count)
    return 100 * (mean(precision, recall) ?? 0)
  }
}
