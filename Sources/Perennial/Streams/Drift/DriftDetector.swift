/// Watches numbers as they come, such as a learner's errors, and tells when their distribution has changed.
///
/// A detector is a value: to save it is to encode it, and what was decoded goes on bit for bit. After a drift it starts
/// anew with the next number, as the detectors of river do.
public protocol DriftDetector: Codable, Sendable {
  /// Whether the last number completed the evidence of a change.
  var isDrift: Bool { get }
  /// Whether a change is in the air; never where the method has no such level.
  var isWarning: Bool { get }
  /// Takes the next number.
  mutating func update(_ value: Double)
}

extension DriftDetector {
  public var isWarning: Bool { false }
}

/// A mean that is updated number by number.
struct RunningMean: Codable, Sendable, Equatable {
  private(set) var count = 0.0
  private(set) var mean = 0.0

  mutating func update(_ value: Double) {
    count += 1
    mean += (1 / count) * (value - mean)
  }
}
