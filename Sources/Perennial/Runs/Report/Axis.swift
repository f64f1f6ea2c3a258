import Foundation

/// A range of values with round marks.
struct Axis {
  let low: Double
  let high: Double
  let marks: [Double]

  /// Covers `values` with about `count` round steps; fractions stay within 0 and 1 and start at 0 unless all are
  /// high.
  init(_ values: [Double], count: Int = 5) {
    let finite = values.filter { abs($0) < 1e12 }
    var low = finite.min() ?? 0
    var high = finite.max() ?? 1
    if low >= 0 && high <= 1 {
      low = low < 0.6 ? 0 : (low * 10 - 0.25).rounded(.down) / 10
      high = 1
    }
    if high - low < 1e-9 { (low, high) = (low - 0.5, high + 0.5) }
    let rough = (high - low) / Double(count)
    let unit = pow(10, floor(log10(rough)))
    let step = [1, 2, 2.5, 5, 10].map { $0 * unit }.first { $0 >= rough * 0.999 } ?? rough
    self.low = (low / step + 1e-9).rounded(.down) * step
    self.high = (high / step - 1e-9).rounded(.up) * step
    let steps = Int(((self.high - self.low) / step).rounded())
    let start = self.low
    marks = (0...max(steps, 1)).map { start + Double($0) * step }
  }

  /// Where a value lies, 0 at `low` and 1 at `high`; what lies outside is drawn at the edge.
  func place(_ value: Double) -> Double { min(max((value - low) / (high - low), 0), 1) }
}
