import Perennial

extension Tally {
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
