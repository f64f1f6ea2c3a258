/// What a recipe expects of a strategy, and what came out.
public struct Expectation: Codable, Equatable, Sendable {
  public var strategy: String
  public var metric: MetricName
  /// The value in the literature.
  public var expected: Double
  /// How far the mean over seeds may be from it, on either side: a reproduction may not be too good either.
  public var tolerance: Double
  /// Where the value was published.
  public var source: String
  /// The mean over seeds; nil when the strategy or metric was not measured.
  public var measured: Double?
  /// Whether |measured − expected| ≤ tolerance.
  public var met: Bool

  public init(
    strategy: String, metric: MetricName, expected: Double, tolerance: Double, source: String,
    measured: Double?
  ) {
    self.strategy = strategy
    self.metric = metric
    self.expected = expected
    self.tolerance = tolerance
    self.source = source
    self.measured = measured
    // A billionth of slack, so that 0.89 meets 0.87 ± 0.02 whatever binary fractions make of it.
    met = measured.map { abs($0 - expected) <= tolerance + 1e-9 } ?? false
  }

  enum CodingKeys: String, CodingKey {
    case strategy, metric, expected, tolerance, source, measured, met
  }

  /// Reads what `results.json` has.
  public init(from decoder: any Decoder) throws {
    let container = try decoder.container(keyedBy: CodingKeys.self)
    strategy = try container.decode(String.self, forKey: .strategy)
    metric = MetricName(rawValue: try container.decode(String.self, forKey: .metric))
    expected = try container.decode(Double.self, forKey: .expected)
    tolerance = try container.decode(Double.self, forKey: .tolerance)
    source = try container.decode(String.self, forKey: .source)
    measured = try container.decodeIfPresent(Double.self, forKey: .measured)
    met = try container.decode(Bool.self, forKey: .met)
  }

  public func encode(to encoder: any Encoder) throws {
    var container = encoder.container(keyedBy: CodingKeys.self)
    try container.encode(strategy, forKey: .strategy)
    try container.encode(metric.rawValue, forKey: .metric)
    try container.encode(expected, forKey: .expected)
    try container.encode(tolerance, forKey: .tolerance)
    try container.encode(source, forKey: .source)
    try container.encode(measured, forKey: .measured)
    try container.encode(met, forKey: .met)
  }
}

extension RunResults {
  /// Holds the mean over a strategy's seeds against a published value and adds the outcome to `expectations`.
  public mutating func expect(
    _ metric: MetricName, of strategy: String, toBe expected: Double, tolerance: Double, source: String
  ) {
    expectations.append(
      Expectation(
        strategy: strategy, metric: metric, expected: expected, tolerance: tolerance, source: source,
        measured: statistic(metric, of: strategy)?.mean))
  }
}
