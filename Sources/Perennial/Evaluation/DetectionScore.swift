/// How well one number tells positives from negatives, such as texts out of scope from those in scope.
///
/// Whatever has at least a threshold is called positive; items of equal numbers change sides together, as in
/// scikit-learn. Which class is positive matters: Hendrycks and Gimpel, A Baseline for Detecting Misclassified and
/// Out-of-Distribution Examples, 2017, report both.
public struct DetectionScore: Sendable {
  private var positives: [Double] = []
  private var negatives: [Double] = []

  public init() {}

  /// Counts an item; the higher its number, the more it seems positive.
  /// - Throws: `ScoreError.notANumber`.
  public mutating func add(_ score: Double, isPositive: Bool) throws {
    guard !score.isNaN else {
      throw ScoreError.notANumber(what: "the score of item \(positives.count + negatives.count + 1)")
    }
    if isPositive { positives.append(score) } else { negatives.append(score) }
  }

  /// Counts many items, both `[N]`: all of them, or none when it throws.
  /// - Throws: `ScoreError.wrongLength` when the two differ in length, `ScoreError.notANumber`.
  public mutating func add(_ scores: [Double], arePositive: [Bool]) throws {
    guard scores.count == arePositive.count else {
      throw ScoreError.wrongLength(what: "labels", expected: scores.count, found: arePositive.count)
    }
    var sum = self
    for (score, isPositive) in zip(scores, arePositive) { try sum.add(score, isPositive: isPositive) }
    self = sum
  }

  /// The area under the curve of true over false positives (AUROC), in [0, 1]: how probably a positive has a greater
  /// number than a negative, ties half. Fawcett, An Introduction to ROC Analysis, 2006. Nil unless there are both.
  public var areaUnderROC: Double? {
    rates { points in
      zip([(0, 0)] + points, points).reduce(0) { area, step in
        let ((before, from), (after, to)) = step
        return area + (to - from) * (before + after) / 2
      }
    }
  }

  /// Average precision (AUPR): Σ (R_n − R_{n−1}) · P_n over descending thresholds, in [0, 1], not interpolated. Nil
  /// unless there are both.
  public var averagePrecision: Double? {
    guard !negatives.isEmpty else { return nil }
    var (sum, before) = (0.0, 0)
    for point in operatingPoints {
      let precision = Double(point.truePositives) / Double(point.truePositives + point.falsePositives)
      sum += Double(point.truePositives - before) * precision
      before = point.truePositives
    }
    return positives.isEmpty ? nil : sum / Double(positives.count)
  }

  /// The share of negatives called positive at the highest threshold that finds a share of the positives, 0.95 for
  /// FPR@95TPR. Nil unless there are both.
  /// - Throws: `ScoreError.outOfRange` for a rate outside [0, 1].
  public func falsePositiveRate(atTruePositiveRate rate: Double = 0.95) throws -> Double? {
    guard (0...1).contains(rate) else {
      throw ScoreError.outOfRange(what: "the true positive rate", value: "\(rate)", allowed: "0 to 1")
    }
    return rates { points in ([(0, 0)] + points).first { $0.truePositive >= rate }?.falsePositive }
  }

  private typealias Rates = (truePositive: Double, falsePositive: Double)

  private func rates(_ value: ([Rates]) -> Double?) -> Double? {
    guard !positives.isEmpty, !negatives.isEmpty else { return nil }
    return value(
      operatingPoints.map {
        (
          Double($0.truePositives) / Double(positives.count),
          Double($0.falsePositives) / Double(negatives.count)
        )
      })
  }

  /// What is called positive at each threshold, from the highest down.
  private var operatingPoints: [(truePositives: Int, falsePositives: Int)] {
    let items = (positives.map { ($0, true) } + negatives.map { ($0, false) }).sorted { $0.0 > $1.0 }
    var points: [(truePositives: Int, falsePositives: Int)] = []
    var (found, wrong) = (0, 0)
    for (index, (score, isPositive)) in items.enumerated() {
      if isPositive { found += 1 } else { wrong += 1 }
      if index + 1 == items.count || items[index + 1].0 != score { points.append((found, wrong)) }
    }
    return points
  }
}
