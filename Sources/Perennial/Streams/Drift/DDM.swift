/// The drift detection method (Gama et al., Learning with drift detection, 2004), for errors of 0 and 1.
///
/// With the error rate p and s = √(p (1 − p) / n), and p_min, s_min where p + s was least:
///
///     warning  p + s > p_min + 2 s_min        drift  p + s > p_min + 3 s_min
public struct DDM: DriftDetector {
  /// What a recipe can choose.
  public struct Options: Configurable {
    /// Numbers before any decision.
    public var warmUp = 30
    public var warning = 2.0
    public var drift = 3.0

    public init() {}

    public func validate(at node: ConfigurationNode) throws {
      try node.require("warm_up", warmUp, atLeast: 1)
      try node.require("warning", warning, above: 0)
      try node.require("drift", drift, atLeast: warning)
    }
  }

  /// What was chosen.
  public let options: Options
  public private(set) var isDrift = false
  public private(set) var isWarning = false
  private var errors = RunningMean()
  private var least: (rate: Double, deviation: Double)? {
    get { leastRate.flatMap { rate in leastDeviation.map { (rate, $0) } } }
    set { (leastRate, leastDeviation) = (newValue?.rate, newValue?.deviation) }
  }
  private var leastRate: Double?
  private var leastDeviation: Double?

  public init(_ options: Options = Options()) { self.options = options }

  /// p
  public var rate: Double { errors.mean }

  public mutating func update(_ value: Double) {
    if isDrift { self = DDM(options) }
    errors.update(value)
    guard errors.count > Double(options.warmUp) else { return }
    let deviation = max(0, rate * (1 - rate) / errors.count).squareRoot()
    if least.map({ rate + deviation <= $0.rate + $0.deviation }) ?? true { least = (rate, deviation) }
    guard let least else { return }
    isDrift = rate + deviation > least.rate + options.drift * least.deviation
    isWarning = !isDrift && rate + deviation > least.rate + options.warning * least.deviation
  }
}
