/// How much may be forgotten of earlier experiences, measured on examples held out of their training, never on tests.
///
///     f = mean over j < i of (max over earlier looks of a_j − a_j)
///
/// Where f is over the limit after an experience, that is learned again from where it began, with more strength.
public struct ForgettingBudget: Codable, Sendable {
  /// What came of one experience.
  public struct Outcome: Codable, Equatable, Sendable, CustomStringConvertible {
    /// Counted from 0.
    public var experience: Int
    /// f, a share of the validation examples.
    public var forgetting: Double
    public var limit: Double
    /// How often the experience was learned.
    public var tries: Int
    /// The strengths that it was learned with last, by strategy.
    public var strengths: [String: Double]
    public var isKept: Bool { forgetting <= limit + 1e-12 }

    public var description: String {
      let what =
        "forgot \(NumberText.fixed(100 * forgetting, 1)) of at most \(NumberText.fixed(100 * limit, 1)) points"
      return "\(what) after \(tries) \(tries == 1 ? "try" : "tries")"
    }
  }

  /// How often an experience is learned at most, and how much the strengths grow every time.
  static let tries = 5
  static let growth = 2.0

  /// The most that may be forgotten, as a fraction.
  public let limit: Double
  /// The best accuracy so far on the validation examples of each experience.
  private var best: [Double] = []
  private(set) var attempt = 1

  init(limit: Double) { self.limit = limit }

  /// Judges an experience that was just learned.
  ///
  /// - Parameter accuracies: on the validation examples of every experience so far, the latest last.
  func outcome(_ accuracies: [Double], strengths: [String: Double]) -> Outcome {
    let lost = zip(best, accuracies).map { $0 - $1 }
    return Outcome(
      experience: accuracies.count - 1, forgetting: lost.isEmpty ? 0 : lost.reduce(0, +) / Double(lost.count),
      limit: limit, tries: attempt, strengths: strengths)
  }

  /// Whether another try can help; where it can, it is counted.
  mutating func triesAgain(after outcome: Outcome) -> Bool {
    guard !outcome.isKept, attempt < Self.tries, outcome.strengths.contains(where: { $0.value > 0 }) else {
      return false
    }
    attempt += 1
    return true
  }

  /// The experience stays as it was learned.
  mutating func accept(_ accuracies: [Double]) {
    best = accuracies.enumerated().map { index, now in max(now, index < best.count ? best[index] : now) }
    attempt = 1
  }
}

extension RunResults {
  /// One line for each run that could not keep its budget of forgetting.
  public var budgetLines: [String] {
    runs.compactMap { run in
      let missed = (run.forgettingBudget ?? []).filter { !$0.isKept }
      guard let worst = missed.max(by: { $0.forgetting < $1.forgetting }) else { return nil }
      return
        "\(run.strategy) seed \(run.seed): the budget of forgetting was not kept in \(missed.count) of "
        + "\(run.forgettingBudget?.count ?? 0) experiences; at worst, after experience \(worst.experience + 1), it \(worst)"
    }
  }
}
