/// How an online stream is judged while it is learned: `stream: {online: 10, prequential: {delay: 0, window: 500}}`.
public struct PrequentialOptions: Configurable, Equatable {
  /// Batches after which the labels of one arrive; it is predicted when its inputs do.
  public var delay = 0
  /// Items of the sliding window.
  public var window = 500

  public init() {}

  /// Rejects a delay below 0 and a window below 1.
  public func validate(at node: ConfigurationNode) throws {
    try node.require("delay", delay, atLeast: 0)
    try node.require("window", window, atLeast: 1)
  }
}

/// What was scored of an online stream, every batch before it was learned (Dawid 1984; Gama et al. 2013).
///
/// Scores are accuracy for classes, and R² for values.
public struct PrequentialRecord: Codable, Equatable, Sendable {
  /// The scores after so many items, over all of them and over the last `window`.
  public struct Point: Codable, Equatable, Sendable {
    public var items: Int
    public var overall: Double
    public var window: Double
  }

  /// Batches that labels come late by, and the items of the sliding window.
  public var delay: Int
  public var window: Int
  /// Items scored.
  public internal(set) var items = 0
  /// The score over all of them; nil where none was.
  public internal(set) var score: Double?
  /// Two a window.
  public internal(set) var points: [Point] = []
  /// The items after which a boundary was found.
  public internal(set) var boundaries: [Int] = []

  public init(_ options: PrequentialOptions = PrequentialOptions()) {
    (delay, window) = (options.delay, options.window)
  }
}
