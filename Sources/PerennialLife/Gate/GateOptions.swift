import Perennial

/// What a candidate must keep to before it serves.
public struct GateOptions: Configurable, Equatable {
  /// How far the accuracy on each frozen suite may be sure to have dropped below the version that serves.
  public var drop = 0.01
  /// How sure: one-sided.
  public var confidence = 0.95
  /// The most that may be lost on all frozen suites together since the best version; one example may always be lost.
  public var maxForgetting = 0.02
  /// The most of all judged examples that were right and become wrong; one may always.
  public var negativeFlips = 0.05
  /// The least accuracy of a label with enough held-out examples, unless the version that serves is below it too.
  public var classFloor = 0.1
  /// How many held-out examples are enough for that.
  public var classExamples = 5
  /// The most that trained weights may move, relative to their length: ‖θ' − θ‖ / ‖θ‖; nil allows anything.
  public var movement: Double? = 1.0
  /// The longest median answer to one input, in milliseconds, and how often that of the version that serves.
  public var latency: Double?
  public var latencyRatio: Double?
  /// The most bytes of the model's parameters.
  public var size: ByteCount?

  public init() {}

  public func validate(at node: ConfigurationNode) throws {
    for (key, value) in [
      ("drop", drop), ("max_forgetting", maxForgetting), ("negative_flips", negativeFlips),
      ("class_floor", classFloor),
    ] {
      try node.require(key, value, in: 0...1)
    }
    try node.require("confidence", confidence, in: 0.5..<1)
    try node.require("class_examples", classExamples, atLeast: 1)
    try node.require("movement", movement, above: 0)
    try node.require("latency", latency, above: 0)
    try node.require("latency_ratio", latencyRatio, above: 0)
  }
}
