/// Precision, recall and their harmonic mean, all in [0, 1].
public struct OverlapScore: Equatable, Sendable {
  public let precision: Double
  public let recall: Double
  public let fMeasure: Double

  /// A share of the predicted that is right and a share of the right that is predicted; empty lists give 0.
  init(matches: Int, predicted: Int, expected: Int) {
    precision = Double(matches) / Double(max(predicted, 1))
    recall = Double(matches) / Double(max(expected, 1))
    fMeasure = matches > 0 ? 2 * precision * recall / (precision + recall) : 0
  }

  init(precision: Double, recall: Double, fMeasure: Double) {
    self.precision = precision
    self.recall = recall
    self.fMeasure = fMeasure
  }
}
