/// What a recipe expects of a strategy, and what came out.
public struct Expectation: Codable, Equatable, Sendable {
  /// On which side of the expected value a measured one may be.
  public enum Kind: String, Codable, Sendable {
    /// On either, no further than the tolerance.
    case near
    case atLeast = "at_least"
    case atMost = "at_most"
  }

  /// The arm.
  public var strategy: String
  public var metric: MetricName
  /// The value in the literature.
  public var expected: Double
  public var kind = Kind.near
  /// How far the mean over seeds may be from it, on either side: a reproduction may not be too good either; 0 where one
  /// side is open.
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
    case strategy, metric, expected, kind, tolerance, source, measured, met
  }

  /// Reads what `results.json` has.
  public init(from decoder: any Decoder) throws {
    let container = try decoder.container(keyedBy: CodingKeys.self)
    strategy = try container.decode(String.self, forKey: .strategy)
    metric = MetricName(rawValue: try container.decode(String.self, forKey: .metric))
    expected = try container.decode(Double.self, forKey: .expected)
    kind = try container.decodeIfPresent(Kind.self, forKey: .kind) ?? .near
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
    if kind != .near { try container.encode(kind, forKey: .kind) }
    try container.encode(tolerance, forKey: .tolerance)
    try container.encode(source, forKey: .source)
    try container.encode(measured, forKey: .measured)
    try container.encode(met, forKey: .met)
  }
}

extension Expectation {
  /// "98.6 ± 1.5", "≥ 86.6" or "≤ 3.0".
  var wanted: String {
    let value = NumberText.value(expected, of: metric)
    return switch kind {
    case .near: "\(value) ± \(NumberText.value(tolerance, of: metric))"
    case .atLeast: "≥ \(value)"
    case .atMost: "≤ \(value)"
    }
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
