import Perennial

/// A candidate that passed its gate and has yet to show itself on what is really asked.
struct Trial: Sendable {
  let slot: Slot
  let mode: LearningPolicy.Mode
  /// How the version in use and the candidate answered; of a shadow, the same questions.
  var current = Tally()
  var candidate = Tally()

  /// Takes the truth about a prediction.
  mutating func judge(_ entry: PredictionLedger.Entry, truth: String) {
    switch mode {
    case .direct: break
    case .shadow:
      guard let shadow = entry.shadow else { return }
      current.record(entry.label == truth)
      candidate.record(shadow == truth)
    case .canary:
      if entry.version == slot.number {
        candidate.record(entry.label == truth)
      } else {
        current.record(entry.label == truth)
      }
    }
  }

  /// Whether the candidate may come into use; nil while too few labels have come.
  func verdict(_ policy: LearningPolicy) -> Bool? {
    guard candidate.total >= policy.trial else {
      // What is clearly worse need not go on to the end.
      return candidate.isWorse(than: current, by: policy.tolerance) ? false : nil
    }
    return (candidate.accuracy ?? 0) >= (current.accuracy ?? 0) - policy.tolerance
  }
}

/// A version that has just come into use, and is sent back where it does worse than the one before.
struct Watch: Sendable {
  let version: Int
  /// The version to return to.
  let previous: Int
  /// How the latest answers were before.
  let before: Tally
  var since = Tally()

  /// Takes the truth about a prediction.
  mutating func judge(_ entry: PredictionLedger.Entry, truth: String) {
    if entry.version == version { since.record(entry.label == truth) }
  }
}
