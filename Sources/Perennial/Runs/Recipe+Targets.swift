extension Recipe {
  /// What an arm must reach for the recipe to count as reproduced.
  public struct Target: Sendable, Equatable {
    /// The arm.
    public let strategy: String
    /// What is measured.
    public let metric: MetricName
    /// What the value must be.
    public let bound: Bound
    /// Who says so.
    public let source: String
  }

  /// What a measured value must be.
  public enum Bound: Sendable, Equatable {
    /// No further than the tolerance from a value, on either side.
    case near(Double, tolerance: Double)
    /// A value or more.
    case atLeast(Double)
    /// A value or less.
    case atMost(Double)
  }
}

extension Recipe.Target {
  /// The target beside what came out; missed where nothing was measured.
  public func judged(_ measured: Double?) -> Expectation {
    var (expected, tolerance) = (0.0, 0.0)
    var kind = Expectation.Kind.near
    let isMet: (Double) -> Bool
    switch bound {
    case .near(let value, let allowed):
      (expected, tolerance) = (value, allowed)
      isMet = { abs($0 - value) <= allowed + Self.slack }
    case .atLeast(let value):
      (expected, kind) = (value, .atLeast)
      isMet = { $0 >= value - Self.slack }
    case .atMost(let value):
      (expected, kind) = (value, .atMost)
      isMet = { $0 <= value + Self.slack }
    }
    var expectation = Expectation(
      strategy: strategy, metric: metric, expected: expected, tolerance: tolerance, source: source,
      measured: measured)
    expectation.kind = kind
    expectation.met = measured.map(isMet) ?? false
    return expectation
  }

  /// Binary fractions must not decide whether 0.89 is within 0.02 of 0.87.
  private static let slack = 1e-9

  static func targets(_ node: ConfigurationNode?, of arms: [String]) throws -> [Recipe.Target] {
    guard let node, !node.isNull else { return [] }
    guard let entries = node.entries else { throw node.error("must be a map of arms, found \(node.found)") }
    return try entries.flatMap { arm -> [Recipe.Target] in
      guard let strategy = arms.first(where: { $0 == arm.key }) else {
        throw ConfigurationNode(.list([]), origin: arm.origin, path: node.path)
          .notAmong(arms, arm.key, kind: "arm")
      }
      guard let metrics = arm.value.entries else {
        throw arm.value.error("must be a map of metrics, found \(arm.value.found)")
      }
      return try metrics.map { try target(strategy, $0, in: arm.value) }
    }
  }

  private static func target(
    _ strategy: String, _ entry: ConfigurationNode.Entry, in arm: ConfigurationNode
  ) throws -> Recipe.Target {
    let metrics = MetricName.standard + MetricName.occasional
    guard let metric = metrics.first(where: { $0.rawValue.foldedKey == entry.key.foldedKey })
    else {
      throw ConfigurationNode(.list([]), origin: entry.origin, path: arm.path)
        .notAmong(metrics.map(\.rawValue), entry.key, kind: "metric")
    }
    let value = try entry.value.decode(Written.self)
    return Recipe.Target(strategy: strategy, metric: metric, bound: value.bound, source: value.source)
  }
}

/// A target as the file has it: `{value: 0.888, tolerance: 0.02, source: …}` or `{at_least: 0.94, source:
/// …}`.
private struct Written: Decodable {
  let bound: Recipe.Bound
  let source: String

  enum CodingKeys: String, CodingKey { case value, tolerance, atLeast, atMost, source }

  init(from decoder: any Decoder) throws {
    let container = try decoder.container(keyedBy: CodingKeys.self)
    let value = try container.decodeIfPresent(Double.self, forKey: .value)
    let tolerance = try container.decodeIfPresent(Double.self, forKey: .tolerance)
    let atLeast = try container.decodeIfPresent(Double.self, forKey: .atLeast)
    let atMost = try container.decodeIfPresent(Double.self, forKey: .atMost)
    source = try container.decode(String.self, forKey: .source)
    let node = try ConfigurationNode(from: decoder)
    try node.require("tolerance", tolerance, atLeast: 0)
    switch (value, tolerance, atLeast, atMost) {
    case (let value?, let tolerance?, nil, nil): bound = .near(value, tolerance: tolerance)
    case (nil, nil, let atLeast?, nil): bound = .atLeast(atLeast)
    case (nil, nil, nil, let atMost?): bound = .atMost(atMost)
    default: throw node.error("give `value` and `tolerance`, or `at_least`, or `at_most`")
    }
  }
}
