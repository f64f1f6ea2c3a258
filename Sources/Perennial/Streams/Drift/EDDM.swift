/// The early drift detection method (Baena-García et al. 2006), for errors of 0 and 1 and slow changes.
///
/// With mean p′ and standard deviation s′ of the distance between two errors, largest where p′ + 2 s′ was:
///
///     level = (p′ + 2 s′) / (p′_max + 2 s′_max)        warning  level < α        drift  level < β
public struct EDDM: DriftDetector {
  /// What a recipe can choose.
  public struct Options: Configurable {
    /// Numbers, and errors, before any decision.
    public var warmUp = 30
    public var alpha = 0.95
    public var beta = 0.9

    public init() {}

    public func validate(at node: ConfigurationNode) throws {
      try node.require("warm_up", warmUp, atLeast: 1)
      try node.require("beta", beta, above: 0)
      try node.require("alpha", alpha, atLeast: beta)
    }
  }

  /// What was chosen.
  public let options: Options
  public private(set) var isDrift = false
  public private(set) var isWarning = false
  private var distances = RunningMean()
  /// Sum of squared deviations of the distances.
  private var deviations = 0.0
  private var count = 0
  private var lastError = 0
  /// The largest p′ + 2 s′.
  public private(set) var largest = -1.0

  public init(_ options: Options = Options()) { self.options = options }

  /// p′ + 2 s′
  public var level: Double {
    let variance = distances.count > 1 ? deviations / (distances.count - 1) : 0
    return distances.mean + 2 * variance.squareRoot()
  }

  public mutating func update(_ value: Double) {
    if isDrift { self = EDDM(options) }
    count += 1
    guard value == 1 else { return }
    let distance = Double(count - lastError)
    let before = distances.mean
    distances.update(distance)
    deviations += (distance - before) * (distance - distances.mean)
    lastError = count
    guard count > options.warmUp else { return }
    if level > largest {
      largest = level
    } else if distances.count > Double(options.warmUp) {
      isDrift = level / largest < options.beta
      // A warning outlasts the drift that follows it, as in river.
      if !isDrift { isWarning = level / largest < options.alpha }
    }
  }
}
