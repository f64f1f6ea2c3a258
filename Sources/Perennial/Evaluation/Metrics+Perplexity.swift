import Foundation

// Scores of token prediction are 1 / perplexity, so that the higher is the better everywhere.
extension AccuracyMatrix {
  /// exp(mean_j −log R[T][j]): the geometric mean of the perplexities on all test sets at the end.
  ///
  /// Nil for other scores, and where a test set has tokens that the model calls impossible.
  public var perplexity: Double? {
    guard scoreKind == .tokenProbability, let last = rows.last?.tests.map(\.score), !last.isEmpty,
      last.allSatisfy({ $0 > 0 })
    else { return nil }
    return exp(last.reduce(0) { $0 - log($1) } / Double(last.count))
  }

  /// mean_{j<T} R[j][j] / R[T][j] − 1: by what share the perplexity of earlier experiences grew since each was learned.
  public var perplexityGrowth: Double? {
    guard scoreKind == .tokenProbability, rows.count > 1, rows.count == experiences, let last = scores.last
    else {
      return nil
    }
    let growth = (0..<(experiences - 1)).map { scores[$0][$0] / last[$0] - 1 }
    return growth.allSatisfy(\.isFinite) ? growth.reduce(0, +) / Double(growth.count) : nil
  }
}
