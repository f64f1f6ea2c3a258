import Torch

/// The expected calibration error: how far confidence is from accuracy, bin by bin of confidence.
///
///     ECE = Σ_b |B_b| / n · |mean confidence of B_b − accuracy of B_b|
///
/// over 15 bins of the same width. Naeini et al. 2015; Guo et al., On Calibration of Modern Neural Networks, 2017.
public struct Calibration {
  private static let bins = 15
  private var counts = [Int](repeating: 0, count: bins)
  /// Σ (confidence − correct) of each bin.
  private var gaps = [Double](repeating: 0, count: bins)

  public init() {}

  /// Counts an answer given with a confidence in [0, 1]; one that is no number says nothing, and counts as 0.
  public mutating func record(confidence: Double, isCorrect: Bool) {
    let confidence = confidence.isFinite ? confidence : 0
    let bin = min(max(Int((confidence * Double(Self.bins)).rounded(.up)) - 1, 0), Self.bins - 1)
    counts[bin] += 1
    gaps[bin] += confidence - (isCorrect ? 1 : 0)
  }

  /// To six places, as many as confidences in single precision carry; nil when nothing was counted.
  public var error: Double? {
    let count = counts.reduce(0, +)
    return count > 0 ? (1e6 * gaps.reduce(0) { $0 + abs($1) } / Double(count)).rounded() / 1e6 : nil
  }
}
