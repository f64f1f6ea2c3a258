import Foundation

/// McDiarmid's drift detection with weighted moving averages (Frías-Blanco et al. 2015, HDDM_W), for numbers in [0, 1].
///
/// Two exponentially weighted means, one up to the cut where the upper bound of the mean was least, one after it:
///
///     drift  x̂₂ − x̂₁ > √((D₁ + D₂) ln(1/δ) / 2),   D ← λ² + (1 − λ)² D
public struct HDDMW: DriftDetector {
  /// What a recipe can choose.
  public struct Options: Configurable {
    /// δ of a drift, and of a warning.
    public var drift = 0.001
    public var warning = 0.005
    /// λ, the weight of the latest number.
    public var weight = 0.05
    /// Whether a fall of the mean is a drift too.
    public var twoSided = false

    public init() {}

    public func validate(at node: ConfigurationNode) throws {
      try node.require("drift", drift, above: 0)
      try node.require("warning", warning, in: drift...1)
      try node.require("weight", weight, above: 0)
      try node.require("weight", weight, in: 0...1)
    }
  }

  /// A weighted mean with D of its bound.
  private struct Sample: Codable, Sendable {
    var mean: Double?
    var independence = 1.0

    mutating func update(_ value: Double, _ weight: Double) {
      mean = mean.map { weight * value + (1 - weight) * $0 } ?? value
      independence = weight * weight + (1 - weight) * (1 - weight) * independence
    }
  }

  /// What came up to the place where a bound was at its extreme, and what came after it.
  private struct Cut: Codable, Sendable {
    var before = Sample()
    var after = Sample()
    var bound: Double?
  }

  /// What was chosen.
  public let options: Options
  public private(set) var isDrift = false
  public private(set) var isWarning = false
  private var all = Sample()
  private var rise = Cut()
  private var fall = Cut()

  public init(_ options: Options = Options()) { self.options = options }

  /// The weighted mean of all numbers.
  public var mean: Double { all.mean ?? 0 }

  public mutating func update(_ value: Double) {
    if isDrift { self = HDDMW(options) }
    all.update(value, options.weight)
    let bound = bound(all.independence, options.drift)
    if rise.bound.map({ mean + bound < $0 }) ?? true {
      rise = Cut(before: all, bound: mean + bound)
    } else {
      rise.after.update(value, options.weight)
    }
    if fall.bound.map({ mean - bound > $0 }) ?? true {
      fall = Cut(before: all, bound: mean - bound)
    } else {
      fall.after.update(value, options.weight)
    }
    isDrift = isLarger(rise.after, than: rise.before, options.drift)
    isWarning = !isDrift && isLarger(rise.after, than: rise.before, options.warning)
    guard options.twoSided else { return }
    if isLarger(fall.before, than: fall.after, options.drift) {
      isDrift = true
    } else if isLarger(fall.before, than: fall.after, options.warning) {
      isWarning = true
    }
  }

  private func bound(_ independence: Double, _ confidence: Double) -> Double {
    (independence * log(1 / confidence) / 2).squareRoot()
  }

  private func isLarger(_ one: Sample, than other: Sample, _ confidence: Double) -> Bool {
    guard let mean = one.mean, let least = other.mean else { return false }
    return mean - least > bound(one.independence + other.independence, confidence)
  }
}
