import Foundation

/// The number of successes in independent trials.
struct Binomial {
  let trials: Int
  let probability: Double

  /// P(X ≥ count), summed from the small end so that nothing cancels.
  func atLeast(_ count: Int) -> Double {
    guard count > 0 else { return 1 }
    guard count <= trials else { return 0 }
    return min(1, (count...trials).reversed().reduce(0) { $0 + mass($1) })
  }

  private func mass(_ count: Int) -> Double {
    let (n, k) = (Double(trials), Double(count))
    let choices = lgamma(n + 1) - lgamma(k + 1) - lgamma(n - k + 1)
    return exp(choices + k * log(probability) + (n - k) * log1p(-probability))
  }
}

/// The standard normal distribution.
enum Normal {
  static func cumulative(_ z: Double) -> Double { erfc(-z / 2.0.squareRoot()) / 2 }

  /// The z below which a share lies, by bisection: exact to the last digits, and fast enough for a gate.
  static func quantile(_ share: Double) -> Double {
    var (low, high) = (-40.0, 40.0)
    for _ in 0..<200 {
      let middle = (low + high) / 2
      if cumulative(middle) < share { low = middle } else { high = middle }
    }
    return (low + high) / 2
  }
}

/// Wilson's score interval of a share (1927).
struct Wilson {
  let share: Double
  let lower: Double
  let upper: Double

  init(_ count: Double, of total: Double, z: Double) {
    share = count / total
    let centre = share + z * z / (2 * total)
    let spread = z * (share * (1 - share) / total + z * z / (4 * total * total)).squareRoot()
    let scale = 1 + z * z / total
    (lower, upper) = ((centre - spread) / scale, (centre + spread) / scale)
  }
}
