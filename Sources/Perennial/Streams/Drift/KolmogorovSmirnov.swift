/// The two-sample test of Kolmogorov and Smirnov: the largest distance of two empirical distributions.
public struct KolmogorovSmirnov: Sendable, Equatable {
  /// max |F₁ − F₂|, in [0, 1].
  public let statistic: Double
  /// The probability of a statistic as large when both samples come from one continuous distribution, exactly.
  public let pValue: Double

  /// Compares two samples of at least one number.
  public init(_ one: [Double], _ other: [Double]) {
    let (one, other) = (one.sorted(), other.sorted())
    let (m, n) = (one.count, other.count)
    var (i, j, largest) = (0, 0, 0)
    while i < m, j < n {
      let value = min(one[i], other[j])
      while i < m, one[i] == value { i += 1 }
      while j < n, other[j] == value { j += 1 }
      largest = max(largest, abs(i * n - j * m))
    }
    statistic = m > 0 && n > 0 ? Double(largest) / Double(m * n) : 0
    pValue = largest == 0 ? 1 : Self.probability(of: largest, m, n)
  }

  /// The probability that a random order of m and n numbers reaches |i n − j m| ≥ `distance` on its way: what leaves
  /// is summed, rather than what stays subtracted from 1, so that small probabilities are exact.
  private static func probability(of distance: Int, _ m: Int, _ n: Int) -> Double {
    var arrives = [Double](repeating: 0, count: n + 1)
    arrives[0] = 1
    var left = 0.0
    for i in 0...m {
      for j in 0...n {
        let here = arrives[j]
        arrives[j] = 0
        guard here > 0 else { continue }
        if abs(i * n - j * m) >= distance {
          left += here
          continue
        }
        let remaining = Double(m + n - i - j)
        if i < m { arrives[j] = here * Double(m - i) / remaining }
        if j < n { arrives[j + 1] += here * Double(n - j) / remaining }
      }
    }
    return min(1, left)
  }
}
