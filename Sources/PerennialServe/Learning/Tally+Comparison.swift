import Perennial

extension Tally {
  /// With fewer answers nothing can be said.
  static let enough = 20

  /// Whether these answers are worse than others by more than a margin, beyond chance: the difference of two shares
  /// with its normal approximation, so many standard errors. Says no while either has fewer than
  /// ``enough``.
  func isWorse(than other: Tally, by margin: Double, errors: Double) -> Bool {
    guard total >= Self.enough, other.total >= Self.enough, let own = accuracy, let theirs = other.accuracy
    else {
      return false
    }
    let variance = own * (1 - own) / Double(total) + theirs * (1 - theirs) / Double(other.total)
    return theirs - own - errors * variance.squareRoot() > 0 && theirs - own > margin
  }
}
