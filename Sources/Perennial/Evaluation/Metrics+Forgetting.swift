/// What became of what was learned before.
extension AccuracyMatrix {
  /// Forgetting of each experience but the last, from its best: f_j = max_{i<T} R[i][j] − R[T][j], `[T − 1]`.
  ///
  /// Chaudhry et al., "Riemannian Walk", 2018, eq. 3. Negative where the score rose above its former best.
  public var forgettingByExperience: [Double] {
    earlierExperiences { j in
      rows.dropLast().map { $0.tests[j].score }.max().map { $0 - last(j) }
    }
  }

  /// Forgetting from the best: (1/(T−1)) Σ_{j<T} (max_{i<T} R[i][j] − R[T][j]); nil for a single experience.
  public var forgetting: Double? { forgettingByExperience.mean }

  /// Forgetting from just learned: (1/(T−1)) Σ_{j<T} (R[j][j] − R[T][j]); nil for a single experience.
  ///
  /// What Avalanche calls forgetting, and the negative of backward transfer. Smaller than `forgetting` where later
  /// experiences first helped and then hurt.
  public var forgettingFromLearned: Double? {
    earlierExperiences { j in learnedScore(j).map { $0 - last(j) } }.mean
  }

  /// Backward transfer: (1/(T−1)) Σ_{j<T} (R[T][j] − R[j][j]); nil for a single experience.
  ///
  /// Lopez-Paz & Ranzato, "Gradient Episodic Memory", 2017, eq. 3 (their code divides by T, counting the zero of
  /// the last experience). Negative when the learner forgets, positive when later experiences improve earlier ones.
  public var backwardTransfer: Double? { forgettingFromLearned.map { $0 == 0 ? 0 : -$0 } }

  /// Negative flip rate: the share of examples known before an update that were right and became wrong by it,
  /// averaged over the updates after the first experience; nil when no update was recorded.
  ///
  /// Yan et al., "Positive-Congruent Training", 2021, eq. 1.
  public var negativeFlipRate: Double? { flips.compactMap(\.negativeFlipRate).mean }

  /// R[j][j], the score on experience j in the first row that had seen it.
  func learnedScore(_ j: Int) -> Double? { rows.first { $0.seen > j }?.tests[j].score }

  private func last(_ j: Int) -> Double { rows.last?.tests[j].score ?? 0 }

  /// `value` of every experience that had been seen before the last row.
  private func earlierExperiences(_ value: (Int) -> Double?) -> [Double] {
    guard let before = rows.dropLast().last else { return [] }
    return (0..<min(before.seen, experiences)).compactMap(value)
  }
}
