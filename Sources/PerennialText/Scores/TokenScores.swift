import Foundation
import Perennial

/// How surprising text is to a language model: exp of the mean negative log-likelihood of its tokens.
public struct Perplexity: Sendable {
  /// Σ −log p(token), in nats.
  public private(set) var negativeLogLikelihood = 0.0
  public private(set) var tokens = 0

  public init() {}

  /// Counts tokens by the sum of their negative log-likelihoods in nats, which is infinite where one was impossible.
  /// - Throws: `ScoreError.notANumber`; `ScoreError.outOfRange` for −∞ and for counts below 0 or beyond Int.
  public mutating func add(negativeLogLikelihood sum: Double, tokens count: Int) throws {
    if sum.isNaN { throw ScoreError.notANumber(what: "the sum of negative log-likelihoods") }
    if sum == -.infinity {
      throw ScoreError.outOfRange(
        what: "the sum of negative log-likelihoods", value: "\(sum)", allowed: "more than -infinity")
    }
    let (total, overflow) = tokens.addingReportingOverflow(count)
    guard count >= 0, !overflow else {
      throw ScoreError.outOfRange(
        what: "the number of tokens", value: "\(count)", allowed: "0 to \(Int.max - tokens)")
    }
    negativeLogLikelihood += sum
    tokens = total
  }

  /// The mean over tokens, in nats; nil when nothing was counted.
  public var meanNegativeLogLikelihood: Double? {
    tokens > 0 ? negativeLogLikelihood / Double(tokens) : nil
  }

  /// From 1 up, of as many equally probable tokens as confuse as much; nil when nothing was counted.
  public var value: Double? { meanNegativeLogLikelihood.map { exp($0) } }
}

/// The share of tokens that were predicted, padding aside.
public struct TokenAccuracy: Sendable {
  public private(set) var correct = 0
  public private(set) var tokens = 0

  public init() {}

  /// Counts the tokens predicted and the right ones, both `[N]`; where the right one is `ignored` nothing is counted.
  /// - Throws: `ScoreError.wrongLength` when the two differ in length.
  public mutating func add(_ predictions: [Int], labels: [Int], ignoring ignored: Int? = -100) throws {
    guard predictions.count == labels.count else {
      throw ScoreError.wrongLength(what: "labels", expected: predictions.count, found: labels.count)
    }
    for (prediction, label) in zip(predictions, labels) where label != ignored {
      tokens += 1
      correct += prediction == label ? 1 : 0
    }
  }

  /// `correct / tokens`, in [0, 1]; nil when nothing was counted.
  public var value: Double? { tokens > 0 ? Double(correct) / Double(tokens) : nil }
}
