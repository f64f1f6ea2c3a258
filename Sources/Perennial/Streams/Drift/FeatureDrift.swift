import Foundation
import Torch

/// A two-sample test on the features that a model computes: has what it sees changed, whatever the labels say?
///
/// The first `window` rows are the reference, the next are compared with them, window by window:
///
///     ks   one Kolmogorov-Smirnov test a feature, a change where min p ≤ α / D (Bonferroni; Rabanser et al. 2019)
///     mmd  MMD² = mean k(x, x′) + mean k(y, y′) − 2 mean k(x, y), a Gaussian kernel whose bandwidth is the median
///          distance, against its values under random exchanges of rows (Gretton et al. 2012)
public struct FeatureDrift: Codable, Sendable {
  public enum Test: String, CaseIterable, Codable, Sendable { case ks, mmd }

  /// What a recipe can choose.
  public struct Options: Configurable {
    public var test = Test.ks
    /// Rows of the reference, and of what is compared with it.
    public var window = 100
    /// α
    public var alpha = 0.01
    /// Exchanges that MMD is compared with.
    public var permutations = 200
    public var seed = 0

    public init() {}

    public func validate(at node: ConfigurationNode) throws {
      try node.require("window", window, in: 5...2000)
      try node.require("alpha", alpha, in: 0...1)
      try node.require("permutations", permutations, atLeast: 1)
    }
  }

  /// What was chosen.
  public let options: Options
  public private(set) var isDrift = false
  /// Of the last comparison; 1 before the first.
  public private(set) var pValue = 1.0
  private var reference: [[Double]] = []
  private var recent: [[Double]] = []
  private var draws: UInt64

  public init(_ options: Options = Options()) {
    self.options = options
    draws = RandomStreams(seed: UInt64(truncatingIfNeeded: options.seed)).numbers("feature-drift").state
  }

  /// Takes the features of the next item; after a drift the rows that differed are the new reference.
  public mutating func update(_ row: [Double]) {
    if isDrift { (isDrift, reference, recent) = (false, recent, []) }
    guard reference.count >= options.window else { return reference.append(row) }
    if recent.count >= options.window { recent = [] }
    recent.append(row)
    guard recent.count == options.window else { return }
    let numbers = NumberStream(seed: draws)
    switch options.test {
    case .ks: pValue = Self.kolmogorovSmirnov(reference, recent)
    case .mmd: pValue = Self.discrepancy(reference, recent, options.permutations, numbers).pValue
    }
    draws = numbers.state
    isDrift = pValue <= options.alpha
  }

  /// The least p of all features times their number, at most 1.
  static func kolmogorovSmirnov(_ one: [[Double]], _ other: [[Double]]) -> Double {
    guard let width = one.first?.count, width > 0 else { return 1 }
    let values = (0..<width).map { place in
      KolmogorovSmirnov(one.map { $0[place] }, other.map { $0[place] }).pValue
    }
    return min(1, (values.min() ?? 1) * Double(width))
  }

  /// The biased MMD², and the share of exchanges, this one counted, that give as much.
  static func discrepancy(
    _ one: [[Double]], _ other: [[Double]], _ permutations: Int, _ numbers: NumberStream
  ) -> (statistic: Double, pValue: Double) {
    let rows = one + other
    var squares = [[Double]](repeating: [Double](repeating: 0, count: rows.count), count: rows.count)
    for i in rows.indices {
      for j in rows.indices where j < i {
        var sum = 0.0
        for (a, b) in zip(rows[i], rows[j]) { sum += (a - b) * (a - b) }
        (squares[i][j], squares[j][i]) = (sum, sum)
      }
    }
    let distances = rows.indices.flatMap { i in squares[i][..<i] }.sorted()
    let middle = distances.count / 2
    let median =
      distances.isEmpty
      ? 0 : distances.count % 2 == 1 ? distances[middle] : (distances[middle - 1] + distances[middle]) / 2
    guard median > 0 else { return (0, 1) }
    let kernel = squares.map { $0.map { exp(-$0 / (2 * median)) } }
    let (m, n) = (Double(one.count), Double(other.count))
    func statistic(_ order: [Int]) -> Double {
      var sign = [Double](repeating: -1 / n, count: order.count)
      for place in order.prefix(one.count) { sign[place] = 1 / m }
      var sum = 0.0
      for (i, row) in kernel.enumerated() {
        var inner = 0.0
        for (j, value) in row.enumerated() { inner += value * sign[j] }
        sum += sign[i] * inner
      }
      return sum
    }
    var order = Array(rows.indices)
    let measured = statistic(order)
    var generator = numbers
    var atLeast = 1
    for _ in 0..<permutations {
      order.shuffle(using: &generator)
      if statistic(order) >= measured - 1e-12 { atLeast += 1 }
    }
    return (measured, Double(atLeast) / Double(permutations + 1))
  }
}
