/// The Page-Hinkley test (Page 1954; Hinkley 1971) with a forgetting factor α.
///
///     U ← α U + x − x̄ − δ        drift  U − min U > λ        (rise of the mean)
///     D ← α D + x − x̄ + δ        drift  max D − D > λ        (fall)
public struct PageHinkley: DriftDetector {
  /// Which changes of the mean count.
  public enum Direction: String, CaseIterable, Codable, Sendable { case up, down, both }

  /// What a recipe can choose.
  public struct Options: Configurable {
    /// Numbers before any decision.
    public var warmUp = 30
    /// δ, the change that is tolerated.
    public var delta = 0.005
    /// λ
    public var threshold = 50.0
    /// α
    public var alpha = 1 - 0.0001
    public var direction = Direction.both

    public init() {}

    public func validate(at node: ConfigurationNode) throws {
      try node.require("warm_up", warmUp, atLeast: 1)
      try node.require("threshold", threshold, above: 0)
      try node.require("alpha", alpha, in: 0...1)
    }
  }

  /// What was chosen.
  public let options: Options
  public private(set) var isDrift = false
  private var numbers = RunningMean()
  /// U, and D.
  public private(set) var increase = 0.0
  public private(set) var decrease = 0.0
  private var leastIncrease: Double?
  // Starts at −1 as in river: D of the first number is δ and above.
  private var mostDecrease = -1.0

  public init(_ options: Options = Options()) { self.options = options }

  public mutating func update(_ value: Double) {
    if isDrift { self = PageHinkley(options) }
    numbers.update(value)
    let deviation = value - numbers.mean
    increase = options.alpha * increase + deviation - options.delta
    decrease = options.alpha * decrease + deviation + options.delta
    let least = min(leastIncrease ?? increase, increase)
    leastIncrease = least
    mostDecrease = max(mostDecrease, decrease)
    guard numbers.count >= Double(options.warmUp) else { return }
    let rises = options.direction != .down && increase - least > options.threshold
    let falls = options.direction != .up && mostDecrease - decrease > options.threshold
    isDrift = rises || falls
  }
}
