/// Options that a configuration file may set, whose initial values are the defaults.
///
/// A type lists its options as properties with published defaults and says which values make sense; spelling,
/// unknown keys, types and line numbers are looked after by ``NodeDecoder``.
///
/// ```swift
/// public struct Options: Configurable {
///   public var lambda = 1000.0
///   public var fisher = FisherEstimate.exact
///   public var decay: Double?
///   public init() {}
///
///   public func validate(at node: ConfigurationNode) throws {
///     try node.require("lambda", lambda, atLeast: 0)
///     try node.require("decay", decay, in: 0...1)
///   }
/// }
/// ```
public protocol Configurable: Codable, Validated, Sendable {
  /// The options with their published defaults.
  init()
}

/// A decoded value that can judge itself.
public protocol Validated {
  /// Throws ``ConfigurationError`` for values that make no sense; called after decoding with the node that
  /// the value came from. Does nothing by default.
  func validate(at node: ConfigurationNode) throws
}

extension Validated {
  /// Accepts everything.
  public func validate(at node: ConfigurationNode) throws {}
}

extension ConfigurationNode {
  /// Throws unless the value of a key is at least a bound; an absent value passes, NaN never does.
  public func require<Value: Comparable>(_ key: String, _ value: Value?, atLeast bound: Value) throws {
    try require(key, value, "must be at least \(words(bound))") { $0 >= bound }
  }

  /// Throws unless the value of a key is above a bound.
  public func require<Value: Comparable>(_ key: String, _ value: Value?, above bound: Value) throws {
    try require(key, value, "must be above \(words(bound))") { $0 > bound }
  }

  /// Throws unless the value of a key lies between two bounds, both included.
  public func require<Value: Comparable>(_ key: String, _ value: Value?, in range: ClosedRange<Value>) throws
  {
    try require(key, value, "must be between \(words(range.lowerBound)) and \(words(range.upperBound))") {
      range.contains($0)
    }
  }

  /// Throws unless the value of a key is at least the lower and below the upper bound.
  public func require<Value: Comparable>(_ key: String, _ value: Value?, in range: Range<Value>) throws {
    try require(
      key, value, "must be at least \(words(range.lowerBound)) and below \(words(range.upperBound))"
    ) {
      range.contains($0)
    }
  }

  private func require<Value>(
    _ key: String, _ value: Value?, _ rule: String, _ isAllowed: (Value) -> Bool
  ) throws {
    guard let value, !isAllowed(value) else { return }
    throw error(at: key, "\(rule), found \(self[key]?.found ?? "`\(words(value))`")")
  }

  /// `0` rather than `0.0`, as one writes it in a file.
  private func words<Value>(_ value: Value) -> String {
    guard let scalar = value as? any ConfigurationScalar, case .scalar(let text, _) = scalar.content else {
      return "\(value)"
    }
    return text
  }
}
