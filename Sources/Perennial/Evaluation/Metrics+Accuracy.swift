/// How good the learner is, at the end and on the way.
extension AccuracyMatrix {
  /// The mean score over the experiences seen by row `i` (from zero): mean_{j≤i} R[i][j]. Nil for no such row.
  public func averageAccuracy(after i: Int) -> Double? {
    guard rows.indices.contains(i) else { return nil }
    return rows[i].tests.prefix(rows[i].seen).map(\.score).mean
  }

  /// Average accuracy, the score at the end over all experiences: (1/T) Σ_j R[T][j].
  ///
  /// Lopez-Paz & Ranzato, "Gradient Episodic Memory", 2017, eq. 2. While a run is under way, the mean over the
  /// experiences seen so far.
  public var averageAccuracy: Double? { averageAccuracy(after: rows.count - 1) }

  /// Average incremental accuracy, the average accuracy met along the way: (1/T) Σ_i (1/i) Σ_{j≤i} R[i][j].
  ///
  /// Rebuffi et al., "iCaRL", 2017, with each experience weighing the same. Not to be taken for the average
  /// accuracy at the end, which is lower whenever the learner forgets.
  public var averageIncrementalAccuracy: Double? { rows.indices.compactMap(averageAccuracy(after:)).mean }

  /// Any-time accuracy: the mean over all evaluations, those inside experiences and those at their ends.
  ///
  /// Equals the average incremental accuracy when nothing was evaluated inside experiences.
  public var anytimeAccuracy: Double? {
    Self.anytimeAccuracy(moments + rows.map { Moment(step: 0, seen: $0.seen, scores: $0.tests.map(\.score)) })
  }

  /// Any-time accuracy of evaluations at times t: (1/n) Σ_t (1/i_t) Σ_{j≤i_t} R_t[j], with i_t the experience being
  /// learned at t.
  ///
  /// Caccia et al., "New Insights on Reducing Abrupt Representation Change in Online Continual Learning", 2022.
  public static func anytimeAccuracy(_ evaluations: [Moment]) -> Double? {
    evaluations.compactMap { $0.scores.prefix($0.seen).mean }.mean
  }

  /// The average accuracy at that evaluation inside the last experience which did best on validation examples; nil
  /// where none was held out.
  ///
  /// What a user can get who keeps the best checkpoint, and chooses it without the test set.
  public var selectedAccuracy: Double? {
    let judged = moments.filter { $0.seen == experiences }.compactMap { moment in
      moment.validation.map { (validation: $0, moment: moment) }
    }
    return judged.max { $0.validation < $1.validation }?.moment.scores.mean
  }

  /// Learning-curve area: LCA_β = 1/(β+1) Σ_{b=0…β} Z_b, with Z_b the mean over experiences k of the score on k
  /// after the first b mini-batches of k.
  ///
  /// Chaudhry et al., "Efficient Lifelong Learning with A-GEM", 2019, eq. 5, who take β = 10. High when new
  /// experiences are learned from few examples. With shorter curves β is the length of the shortest; nil without.
  public func learningCurveArea(batches beta: Int = 10) -> Double? {
    guard let shortest = learningCurves.map(\.count).min(), shortest > 0, beta >= 0 else { return nil }
    return learningCurves.flatMap { $0.prefix(min(beta + 1, shortest)) }.mean
  }
}

extension Collection where Element == Double {
  /// The mean, or nil of nothing.
  var mean: Double? { isEmpty ? nil : reduce(0, +) / Double(count) }
}
