import Perennial

/// Corpus BLEU as sacrebleu computes it, to the last digit it prints.
///
///     BLEU = 100 · min(1, exp(1 − r/h)) · (Π_{n≤4} p_n)^{1/4}
///
/// with p_n the share of the n-grams of all texts that a reference has (each counted at most as often as the reference
/// richest in it), h the words of all texts and r of the references closest in length. Papineni et al., BLEU, 2002.
public struct BLEU: SummedScore {
  public let tokenizer: BLEUTokenizer
  public let smoothing: BLEUSmoothing
  /// Whether upper and lower case are one.
  public let ignoresCase: Bool
  /// Whether orders of which the texts have no n-gram are left out, as is sensible for single sentences.
  public let usesEffectiveOrder: Bool
  /// The longest n-gram, 4 in all that is published.
  public let maximumOrder: Int

  private var count = ItemCount()
  private var matches: [Int]
  private var totals: [Int]
  private var hypothesisLength = 0
  private var referenceLength = 0

  /// - Throws: `ScoreError.outOfRange` for a smoothing below 0 or not finite, and for an order outside 1 to 64.
  public init(
    tokenizer: BLEUTokenizer = .mteval13a, smoothing: BLEUSmoothing = .exponential, ignoresCase: Bool = false,
    usesEffectiveOrder: Bool = false, maximumOrder: Int = 4
  ) throws {
    try ScoreError.check("the maximum order", maximumOrder, in: 1...64)
    if let value = smoothing.value, !(value >= 0 && value.isFinite) {
      throw ScoreError.outOfRange(
        what: "the smoothing", value: "\(value)", allowed: "a finite number of at least 0")
    }
    self.tokenizer = tokenizer
    self.smoothing = smoothing
    self.ignoresCase = ignoresCase
    self.usesEffectiveOrder = usesEffectiveOrder
    self.maximumOrder = maximumOrder
    matches = [Int](repeating: 0, count: maximumOrder)
    totals = matches
  }

  public mutating func add(_ hypothesis: String, references: [String]) throws {
    try count.add(references: references.count)
    var numbers = WordNumbers()
    let hypothesis = numbers(words(hypothesis))
    let references = references.map { numbers(words($0)) }
    for order in 1...maximumOrder {
      let grams = NGramCounts(hypothesis, order: order)
      var allowed = NGramCounts<Int>([], order: order)
      for reference in references { allowed.formMaximum(NGramCounts(reference, order: order)) }
      matches[order - 1] += grams.matches(allowed)
      totals[order - 1] += grams.total
    }
    hypothesisLength += hypothesis.count
    let lengths = references.map { (abs($0.count - hypothesis.count), $0.count) }
    referenceLength += lengths.min(by: <)?.1 ?? 0
  }

  /// What all scores are made of, which add up over texts: matches and n-grams of each order, and the lengths.
  var sums: [Double] { (matches + totals + [hypothesisLength, referenceLength]).map(Double.init) }

  func share(of sums: [Double]) -> Double { score(of: sums).value / 100 }

  /// The score of a corpus with these sums.
  func score(of sums: [Double]) -> BLEUScore {
    let counts = sums.map { Int($0) }
    return BLEUScore(
      matches: Array(counts[..<maximumOrder]), totals: Array(counts[maximumOrder..<(2 * maximumOrder)]),
      hypothesisLength: counts[2 * maximumOrder], referenceLength: counts[2 * maximumOrder + 1],
      smoothing: smoothing, usesEffectiveOrder: usesEffectiveOrder)
  }

  /// The score of all items together; nil when nothing was counted.
  public var score: BLEUScore? {
    count.items > 0 ? scored : nil
  }

  private var scored: BLEUScore {
    BLEUScore(
      matches: matches, totals: totals, hypothesisLength: hypothesisLength, referenceLength: referenceLength,
      smoothing: smoothing, usesEffectiveOrder: usesEffectiveOrder)
  }

  /// The score of one sentence by itself, of effective order whatever the corpus has.
  /// - Throws: `ScoreError.noReferences` when there are none.
  public func sentence(_ hypothesis: String, references: [String]) throws -> BLEUScore {
    var one = try BLEU(
      tokenizer: tokenizer, smoothing: smoothing, ignoresCase: ignoresCase, usesEffectiveOrder: true,
      maximumOrder: maximumOrder)
    try one.add(hypothesis, references: references)
    return one.scored
  }

  /// What a reader must know to compare, in sacrebleu's form:
  /// `nrefs:1|case:mixed|eff:no|tok:13a|smooth:exp|version:…`.
  public var signature: String {
    [
      "nrefs:\(count.signature)", "case:\(ignoresCase ? "lc" : "mixed")",
      "eff:\(usesEffectiveOrder ? "yes" : "no")", "tok:\(tokenizer.rawValue)", "smooth:\(smoothing)",
      "version:\(scoreVersion)",
    ].joined(separator: "|")
  }

  private func words(_ text: String) -> [ArraySlice<Unicode.Scalar>] {
    let text = Array(text.unicodeScalars)
    return tokenizer(ignoresCase ? text.lowercased() : text)
  }
}
