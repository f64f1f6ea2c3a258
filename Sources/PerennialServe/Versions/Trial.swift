import Foundation
import Perennial
import PerennialLife

/// A candidate that passed its gate and has yet to show itself on what is really asked.
struct Trial: Sendable {
  let slot: Slot
  let standing: Standing.Trial
  /// How the version in use and the candidate answered; of a shadow, the same questions.
  private(set) var current = Tally()
  private(set) var candidate = Tally()
  private var paired = PairedOutcomes()

  var mode: LearningPolicy.Mode { standing.mode }

  init(_ slot: Slot, _ standing: Standing.Trial) { (self.slot, self.standing) = (slot, standing) }

  /// Takes the truth about a prediction.
  mutating func judge(version: Int, served: String, shadow: String?, truth: String) {
    switch mode {
    case .direct: break
    case .shadow:
      guard let shadow else { return }
      let (was, would) = (served == truth, shadow == truth)
      current.record(was)
      candidate.record(would)
      paired =
        paired
        + PairedOutcomes(
          bothRight: was && would ? 1 : 0, lost: was && !would ? 1 : 0, gained: would && !was ? 1 : 0,
          bothWrong: was || would ? 0 : 1)
    case .canary:
      if version == slot.number { candidate.record(served == truth) }
      if version == standing.against { current.record(served == truth) }
    }
  }

  /// Whether the candidate may come into use: it lost no more than is tolerated, and nothing shows that it is worse than the
  /// version in use. Of a shadow McNemar's exact test says so, with 95 % confidence; of a canary, which was asked other
  /// questions, the difference of the shares by two standard errors. A canary that nearly everybody hears is compared with the
  /// latest answers before it.
  ///
  /// - Returns: nil while too few labels have come. What is clearly worse, by three standard errors because every label is
  ///   looked at, need not go on to the end.
  func verdict(_ policy: LearningPolicy, at time: Date) -> Bool? {
    let before = mode == .canary && current.total < Tally.enough ? standing.before : current
    if candidate.isWorse(than: before, by: policy.tolerance, errors: 3) { return false }
    let isOver = time.timeIntervalSince(standing.began) >= policy.trialHours * 3600
    guard candidate.total >= policy.trial || isOver else { return nil }
    guard candidate.total >= min(policy.trial, Tally.enough) else { return false }
    let known = before.total >= min(policy.trial, Tally.enough) ? before.accuracy ?? 0 : 0
    let loss = known - (candidate.accuracy ?? 0)
    let isWorse = mode == .shadow ? paired.pWorse < 0.05 : candidate.isWorse(than: before, by: 0, errors: 2)
    return loss <= policy.tolerance && !isWorse
  }

  /// What has been found, in numbers.
  var finding: String {
    let shares = [candidate, current].map { $0.accuracy.map { "\(Int((100 * $0).rounded())) %" } ?? "–" }
    return "\(shares[0]) right of \(candidate.total), the version in use \(shares[1])"
  }
}

/// A version that has just come into use, and is sent back where it does worse than the one before.
struct Watch: Sendable {
  let standing: Standing.Watch
  var since = Tally()

  var version: Int { standing.version }
  /// The version to return to.
  var previous: Int { standing.previous }
  /// How the latest answers were before.
  var before: Tally { standing.before }

  init(_ standing: Standing.Watch) { self.standing = standing }

  /// Takes the truth about a prediction.
  mutating func judge(version: Int, served: String, truth: String) {
    if version == self.version { since.record(served == truth) }
  }
}
