import Foundation

/// Hoeffding's drift detection with moving averages (Frías-Blanco et al. 2015, HDDM_A), for numbers in [0, 1].
///
/// With the mean z̄ of all n numbers and the mean x̄ of the first n_x, cut where the upper bound of x̄ was least:
///
///     drift  z̄ − x̄ ≥ √((n − n_x) / (2 n n_x) · ln(2/δ))
public struct HDDMA: DriftDetector {
  /// What a recipe can choose.
  public struct Options: Configurable {
    /// δ of a drift, and of a warning.
    public var drift = 0.001
    public var warning = 0.005
    /// Whether a fall of the mean is a drift too.
    public var twoSided = false

    public init() {}

    public func validate(at node: ConfigurationNode) throws {
      try node.require("drift", drift, above: 0)
      try node.require("warning", warning, in: drift...1)
    }
  }

  /// What was chosen.
  public let options: Options
  public private(set) var isDrift = false
  public private(set) var isWarning = false
  private var all = RunningMean()
  private var low = RunningMean()
  private var high = RunningMean()

  public init(_ options: Options = Options()) { self.options = options }

  /// The mean of all numbers, and of those up to the cut against which a rise is measured.
  public var means: (all: Double, low: Double) { (all.mean, low.mean) }

  public mutating func update(_ value: Double) {
    if isDrift { self = HDDMA(options) }
    all.update(value)
    if low.count == 0 { low = all }
    if high.count == 0 { high = all }
    if low.mean + bound(low) >= all.mean + bound(all) { low = all }
    if high.mean - bound(high) <= all.mean - bound(all) { high = all }
    isDrift = hasChanged(from: low, 1, options.drift)
    isWarning = !isDrift && hasChanged(from: low, 1, options.warning)
    guard options.twoSided else { return }
    if hasChanged(from: high, -1, options.drift) {
      isDrift = true
    } else if hasChanged(from: high, -1, options.warning) {
      isWarning = true
    }
  }

  private func bound(_ mean: RunningMean) -> Double {
    (1 / (2 * mean.count) * log(1 / options.drift)).squareRoot()
  }

  private func hasChanged(from part: RunningMean, _ sign: Double, _ confidence: Double) -> Bool {
    guard part.count != all.count else { return false }
    let share = (all.count - part.count) / part.count * (1 / all.count)
    return sign * (all.mean - part.mean) >= (share / 2 * log(2 / confidence)).squareRoot()
  }
}
