/// How one update changed the answers on the same examples: the view of someone already relying on the model.
public struct FlipCounts: Codable, Equatable, Sendable {
  /// Right before, wrong after.
  public var negative: Int
  /// Wrong before, right after.
  public var positive: Int
  /// All examples.
  public var total: Int

  public init(negative: Int = 0, positive: Int = 0, total: Int = 0) {
    self.negative = negative
    self.positive = positive
    self.total = total
  }

  /// Compares which examples the model before and the model after got right, both `[N]`.
  /// - Throws: `EvaluationError.wrongLength` when the two differ in length.
  public init(before: [Bool], after: [Bool]) throws {
    guard before.count == after.count else {
      throw EvaluationError.wrongLength(
        what: "the answers after the update", expected: before.count, found: after.count)
    }
    self.init(total: before.count)
    for (before, after) in zip(before, after) where before != after {
      if before { negative += 1 } else { positive += 1 }
    }
  }

  /// Compares the labels predicted before and after with the true ones, all `[N]`.
  /// - Throws: `EvaluationError.wrongLength` when they differ in length.
  public init(before: [Int], after: [Int], labels: [Int]) throws {
    guard before.count == labels.count else {
      throw EvaluationError.wrongLength(
        what: "the predictions before the update", expected: labels.count, found: before.count)
    }
    guard after.count == labels.count else {
      throw EvaluationError.wrongLength(
        what: "the predictions after the update", expected: labels.count, found: after.count)
    }
    try self.init(before: zip(before, labels).map(==), after: zip(after, labels).map(==))
  }

  /// The share of all examples that were right before and are wrong after, in [0, 1]; nil without examples.
  ///
  /// NFR = (1/N) Σₙ 1[f_before(xₙ) = yₙ ∧ f_after(xₙ) ≠ yₙ]: Yan et al., "Positive-Congruent Training", 2021, eq. 1.
  public var negativeFlipRate: Double? { total > 0 ? Double(negative) / Double(total) : nil }

  /// The counts of both, as of two test sets.
  public static func + (one: FlipCounts, other: FlipCounts) -> FlipCounts {
    FlipCounts(
      negative: one.negative + other.negative, positive: one.positive + other.positive,
      total: one.total + other.total)
  }
}
