import Torch

/// Kolmogorov-Smirnov windowing (Raab, Heusinger & Schleif 2020).
///
/// Of a window of n numbers the last r are compared with r drawn at random from those before them:
///
///     drift  p(R, W) ≤ α  and  max |F_R − F_W| > 0.1
///
/// The draws are the detector's own: the same seed gives the same drifts, however often a run was stopped.
public struct KSWIN: DriftDetector {
  /// What a recipe can choose.
  public struct Options: Configurable {
    /// α
    public var alpha = 0.005
    /// n
    public var window = 100
    /// r
    public var recent = 30
    public var seed = 0

    public init() {}

    public func validate(at node: ConfigurationNode) throws {
      try node.require("alpha", alpha, in: 0...1)
      try node.require("recent", recent, atLeast: 1)
      try node.require("window", window, atLeast: 2 * recent)
    }
  }

  /// What was chosen.
  public let options: Options
  public private(set) var isDrift = false
  /// The last comparison; 0 before the first.
  public private(set) var statistic = 0.0
  public private(set) var pValue = 0.0
  private var window: [Double] = []
  private var draws: UInt64

  public init(_ options: Options = Options()) {
    self.options = options
    draws = RandomStreams(seed: UInt64(truncatingIfNeeded: options.seed)).numbers("kswin").state
  }

  public mutating func update(_ value: Double) {
    let numbers = NumberStream(seed: draws)
    update(value) { population, count in
      // The first steps of a shuffle.
      var places = Array(0..<population)
      var generator = numbers
      for place in 0..<count { places.swapAt(place, Int.random(in: place..<population, using: &generator)) }
      return Array(places.prefix(count))
    }
    draws = numbers.state
  }

  /// Takes the next number; `draw` gives places, the second argument's number of those below the first.
  mutating func update(_ value: Double, drawing draw: (Int, Int) -> [Int]) {
    if isDrift { (isDrift, window) = (false, []) }
    window.append(value)
    guard window.count >= options.window else { return }
    if window.count > options.window { window.removeFirst() }
    let recent = Array(window.suffix(options.recent))
    let earlier = draw(options.window - options.recent, options.recent).map { window[$0] }
    let test = KolmogorovSmirnov(earlier, recent)
    (statistic, pValue) = (test.statistic, test.pValue)
    isDrift = pValue <= options.alpha && statistic > 0.1
  }
}
