import Foundation
import Perennial
import Torch

/// The answers of two models to the same examples, by what was right: the 2 × 2 table of McNemar (1947).
public struct PairedOutcomes: Codable, Equatable, Sendable {
  public var bothRight = 0
  /// Right before, wrong after.
  public var lost = 0
  /// Wrong before, right after.
  public var gained = 0
  public var bothWrong = 0

  public init(bothRight: Int = 0, lost: Int = 0, gained: Int = 0, bothWrong: Int = 0) {
    (self.bothRight, self.lost, self.gained, self.bothWrong) = (bothRight, lost, gained, bothWrong)
  }

  /// - Throws: `EvaluationError.wrongLength` when the two differ in length.
  public init(before: [Bool], after: [Bool]) throws {
    let flips = try FlipCounts(before: before, after: after)
    let right = zip(before, after).count { $0 && $1 }
    self.init(
      bothRight: right, lost: flips.negative, gained: flips.positive,
      bothWrong: flips.total - right - flips.negative - flips.positive)
  }

  /// All examples.
  public var total: Int { bothRight + lost + gained + bothWrong }

  /// The accuracy before minus the accuracy after; zero without examples.
  public var drop: Double { total > 0 ? Double(lost - gained) / Double(total) : 0 }

  /// Exact one-sided p of McNemar's test that the model after is worse: P(X ≥ lost), X ~ Binomial(lost + gained, ½).
  public var pWorse: Double { Binomial(trials: lost + gained, probability: 0.5).atLeast(lost) }

  /// Exact two-sided p of McNemar's test that both are equally good.
  public var pDifferent: Double {
    min(1, 2 * Binomial(trials: lost + gained, probability: 0.5).atLeast(max(lost, gained)))
  }

  /// The drop of which one can be sure, at least: the lower end of Newcombe's interval for the difference of paired
  /// proportions (1998, method 10), one-sided.
  ///
  /// - Parameter confidence: such as 0.95.
  public func surelyDropped(confidence: Double) -> Double {
    guard total > 0 else { return 0 }
    let z = Normal.quantile(confidence)
    let n = Double(total)
    let (a, b, c, d) = (Double(bothRight), Double(lost), Double(gained), Double(bothWrong))
    let (before, after) = (Wilson(a + b, of: n, z: z), Wilson(a + c, of: n, z: z))
    let margins = (a + b) * (c + d) * (a + c) * (b + d)
    var phi = 0.0
    if margins > 0 {
      let product = a * d - b * c
      let corrected = product > n / 2 ? product - n / 2 : (product >= 0 ? 0 : product)
      phi = corrected / margins.squareRoot()
    }
    let (down, up) = (before.share - before.lower, after.upper - after.share)
    return drop - (down * down - 2 * phi * down * up + up * up).squareRoot()
  }

  /// The interval of the gain in accuracy over resampled examples (percentile bootstrap; Efron 1979).
  ///
  /// - Parameters:
  ///   - confidence: two-sided.
  ///   - seed: of the resampling.
  public func gainInterval(confidence: Double, resamples: Int = 2000, seed: UInt64 = 0) -> ClosedRange<Double>
  {
    guard total > 0 else { return 0...0 }
    var gains: [Double] = []
    var generator = NumberStream(seed: RandomStreams.derive(seed, "bootstrap"))
    for _ in 0..<resamples {
      var sum = 0
      for _ in 0..<total {
        let place = Int.random(in: 0..<total, using: &generator)
        if place < lost { sum -= 1 } else if place < lost + gained { sum += 1 }
      }
      gains.append(Double(sum) / Double(total))
    }
    gains.sort()
    let tail = (1 - confidence) / 2
    func quantile(_ share: Double) -> Double {
      let place = share * Double(gains.count - 1)
      let below = Int(place)
      let above = min(below + 1, gains.count - 1)
      return gains[below] + (place - Double(below)) * (gains[above] - gains[below])
    }
    return quantile(tail)...quantile(1 - tail)
  }
}

extension PairedOutcomes {
  /// The counts of both, as of two suites.
  public static func + (one: PairedOutcomes, other: PairedOutcomes) -> PairedOutcomes {
    PairedOutcomes(
      bothRight: one.bothRight + other.bothRight, lost: one.lost + other.lost,
      gained: one.gained + other.gained, bothWrong: one.bothWrong + other.bothWrong)
  }
}
