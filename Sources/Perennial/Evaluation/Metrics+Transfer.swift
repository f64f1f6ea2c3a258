/// What learning one experience does for those still to come, and what it costs to be able to learn on.
extension AccuracyMatrix {
  /// Forward transfer: (1/(T−1)) Σ_{j>1} (R[j−1][j] − b_j), with b_j the score at random initialisation.
  ///
  /// Lopez-Paz & Ranzato, "Gradient Episodic Memory", 2017, eq. 4. Nil without the random-initialisation row, for a
  /// single experience, or when the stream was learned in one go. Class-incremental scores of unseen experiences
  /// are zero by construction, and so is their transfer at best.
  public var forwardTransfer: Double? {
    guard let randomInit else { return nil }
    return (0..<experiences).compactMap { j in
      rows.last { $0.seen <= j }.map { $0.tests[j].score - randomInit[j] }
    }.mean
  }

  /// Intransigence: (1/T) Σ_j (a*_j − R[j][j]), with a*_j the score on j of a model trained jointly on what is seen.
  ///
  /// Chaudhry et al., "Riemannian Walk", 2018, eq. 5. High when keeping the old stops the learner from taking in
  /// the new. Nil when `joint` has another number of experiences.
  /// - Parameter joint: the reference scores a*_j, `[T]`; see `jointReference`.
  public func intransigence(joint: [Double]) -> Double? {
    guard joint.count == experiences else { return nil }
    return (0..<experiences).compactMap { j in learnedScore(j).map { joint[j] - $0 } }.mean
  }

  /// What this record gives as the reference of intransigence when it is the joint run's: a*_j = R[j][j], or the
  /// only row's scores when the joint run trained once on everything. Nil unless every experience was seen.
  public var jointReference: [Double]? {
    let scores = (0..<experiences).compactMap(learnedScore)
    return scores.count == experiences && experiences > 0 ? scores : nil
  }
}
