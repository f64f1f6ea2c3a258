import Perennial

/// Recall-oriented overlap of summaries as the package `rouge-score` computes it, averaged over items.
///
/// Lin, ROUGE, 2004. Of several references the one of the best F-measure counts, for each variant by itself. Words are
/// runs of a-z and 0-9 in lower case, so text in other scripts has none and scores 0.
public struct ROUGE: ReferenceScore {
  /// What overlaps.
  public enum Variant: Hashable, Sendable, CustomStringConvertible {
    /// N-grams of words: ROUGE-1, ROUGE-2, …
    case grams(Int)
    /// The longest common subsequence of words: ROUGE-L.
    case longestCommonSubsequence
    /// The union of the subsequences that each line of a reference shares with the lines of the text: ROUGE-Lsum.
    case summary

    /// As `rouge-score` calls it, such as `rouge2`.
    public var description: String {
      switch self {
      case .grams(let order): "rouge\(order)"
      case .longestCommonSubsequence: "rougeL"
      case .summary: "rougeLsum"
      }
    }
  }

  /// ROUGE-1, ROUGE-2, ROUGE-L and ROUGE-Lsum, as papers report them.
  public static let reported: [Variant] = [.grams(1), .grams(2), .longestCommonSubsequence, .summary]

  /// What is scored, in the order given.
  public let variants: [Variant]
  /// Whether words are compared without their endings (`use_stemmer`).
  public let stems: Bool

  private var count = ItemCount()
  private var sums: [Variant: (precision: Double, recall: Double, fMeasure: Double)] = [:]

  /// - Throws: `ScoreError.outOfRange` for n-grams of an order outside 1 to 9.
  public init(_ variants: [Variant] = reported, stems: Bool = false) throws {
    for case .grams(let order) in variants { try ScoreError.check("the order of ROUGE", order, in: 1...9) }
    var seen: Set<Variant> = []
    self.variants = variants.filter { seen.insert($0).inserted }
    self.stems = stems
  }

  public mutating func add(_ hypothesis: String, references: [String]) throws {
    try count.add(references: references.count)
    for (variant, score) in try item(hypothesis, references: references) {
      let sum = sums[variant] ?? (0, 0, 0)
      sums[variant] = (
        sum.precision + score.precision, sum.recall + score.recall, sum.fMeasure + score.fMeasure
      )
    }
  }

  /// The mean of a variant over all items; nil when nothing was counted, and for a variant that was not asked for.
  public func score(_ variant: Variant) -> OverlapScore? {
    let items = Double(count.items)
    return sums[variant].map {
      OverlapScore(precision: $0.precision / items, recall: $0.recall / items, fMeasure: $0.fMeasure / items)
    }
  }

  /// The scores of one text by itself.
  /// - Throws: `ScoreError.noReferences` when there are none.
  public func item(_ hypothesis: String, references: [String]) throws -> [Variant: OverlapScore] {
    if references.isEmpty { throw ScoreError.noReferences(item: 1) }
    var numbers = WordNumbers()
    let predicted = ROUGEText(hypothesis, stems: stems, &numbers)
    let expected = references.map { ROUGEText($0, stems: stems, &numbers) }
    var scores: [Variant: OverlapScore] = [:]
    for variant in variants {
      for expected in expected {
        let score = predicted.score(variant, expected)
        if let best = scores[variant], best.fMeasure >= score.fMeasure { continue }
        scores[variant] = score
      }
    }
    return scores
  }
}
