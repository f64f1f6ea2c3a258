/// How many of some answers were right.
struct Tally: Sendable, Codable, Equatable {
  private(set) var right = 0
  private(set) var total = 0

  init(right: Int = 0, total: Int = 0) { (self.right, self.total) = (right, total) }

  static func += (one: inout Tally, other: Tally) {
    one = Tally(right: one.right + other.right, total: one.total + other.total)
  }

  mutating func add(_ isRight: Bool) {
    total += 1
    if isRight { right += 1 }
  }

  /// The share of right answers; nil of none.
  var accuracy: Double? { total > 0 ? Double(right) / Double(total) : nil }

  /// Whether these answers are worse than others by more than a margin, beyond chance: the difference of two shares
  /// with its normal approximation, two standard errors. Says no while either has fewer than 20.
  func isWorse(than other: Tally, by margin: Double) -> Bool {
    guard total >= 20, other.total >= 20, let own = accuracy, let theirs = other.accuracy else {
      return false
    }
    let variance = own * (1 - own) / Double(total) + theirs * (1 - theirs) / Double(other.total)
    return theirs - own - 2 * variance.squareRoot() > 0 && theirs - own > margin
  }
}
