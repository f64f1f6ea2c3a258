import Foundation

/// What becomes of orders of which no n-gram matches. Chen and Cherry, A Systematic Comparison of Smoothing
/// Techniques for Sentence-Level BLEU, 2014.
public enum BLEUSmoothing: Hashable, Sendable, CustomStringConvertible {
  /// They make the score 0.
  case unsmoothed
  /// So many matches are assumed; published with 0.1. Method 1.
  case floor(Double)
  /// So many are added to matches and n-grams of all orders but the first; published with 1. Method 2.
  case addK(Double)
  /// The k-th of them is taken to have 1/2ᵏ of a match. Method 3, of mteval.
  case exponential

  /// As in sacrebleu's signatures.
  public var description: String {
    switch self {
    case .unsmoothed: "none"
    case .floor(let value): String(format: "floor[%.2f]", value)
    case .addK(let value): String(format: "add-k[%.2f]", value)
    case .exponential: "exp"
    }
  }

  var value: Double? {
    switch self {
    case .floor(let value), .addK(let value): value
    case .unsmoothed, .exponential: nil
    }
  }
}

/// A BLEU score and what it is made of.
public struct BLEUScore: Equatable, Sendable {
  /// From 0 to 100.
  public let value: Double
  /// Of every order, smoothed, from 0 to 100, `[4]`.
  public let precisions: [Double]
  /// 1 unless the texts are shorter than the references.
  public let brevityPenalty: Double
  /// The n-grams of every order that matched, and all there were, both `[4]`.
  public let matches: [Int]
  public let totals: [Int]
  /// In words, of all texts and of the references closest in length.
  public let hypothesisLength: Int
  public let referenceLength: Int

  init(
    matches: [Int], totals: [Int], hypothesisLength: Int, referenceLength: Int, smoothing: BLEUSmoothing,
    usesEffectiveOrder: Bool
  ) {
    self.matches = matches
    self.totals = totals
    self.hypothesisLength = hypothesisLength
    self.referenceLength = referenceLength
    brevityPenalty = Self.brevityPenalty(hypothesisLength, referenceLength)
    precisions = Self.precisions(matches, totals, smoothing)

    // Orders beyond the first without n-grams have precision 0; what comes before them is the effective order.
    let orders = usesEffectiveOrder ? Self.effectiveOrder(totals, smoothing) : totals.count
    let isZero = matches.allSatisfy { $0 == 0 } || precisions[..<orders].contains(0)
    let logarithms = precisions[..<orders].reduce(0) { $0 + log($1) }
    value = isZero ? 0 : brevityPenalty * exp(logarithms / Double(orders))
  }

  private static func brevityPenalty(_ hypothesis: Int, _ reference: Int) -> Double {
    guard hypothesis < reference else { return 1 }
    return hypothesis > 0 ? exp(1 - Double(reference) / Double(hypothesis)) : 0
  }

  private static func precisions(_ matches: [Int], _ totals: [Int], _ smoothing: BLEUSmoothing) -> [Double] {
    var precisions = [Double](repeating: 0, count: totals.count)
    if matches.allSatisfy({ $0 == 0 }) { return precisions }
    var halved = 1.0
    for order in totals.indices {
      var (match, total) = (Double(matches[order]), Double(totals[order]))
      if case .addK(let value) = smoothing, order > 0 {
        match += value
        total += value
      }
      if total == 0 { break }
      if match == 0 {
        switch smoothing {
        case .exponential:
          halved *= 2
          match = 1 / halved
        case .floor(let value): match = value
        case .unsmoothed, .addK: break
        }
      }
      precisions[order] = 100 * match / total
    }
    return precisions
  }

  private static func effectiveOrder(_ totals: [Int], _ smoothing: BLEUSmoothing) -> Int {
    if case .addK(let value) = smoothing, value > 0, totals.first != 0 { return totals.count }
    return totals.firstIndex(of: 0) ?? totals.count
  }
}
