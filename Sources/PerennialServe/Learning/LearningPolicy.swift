/// When a server learns, and how a new version comes into use.
public struct LearningPolicy: Sendable, Equatable {
  /// What stands between a candidate that passed its gate and the requests.
  public enum Mode: String, Sendable, CaseIterable, Codable {
    /// Nothing: it answers from then on.
    case direct
    /// It is asked beside the version in use, and nobody hears it, until enough labels have come for both.
    case shadow
    /// It answers a share of the requests until enough labels have come.
    case canary
  }

  /// New labels after which it learns.
  public var labels = 500
  /// New labels that are enough after a drift.
  public var labelsAfterDrift = 50
  public var mode = Mode.direct
  /// The share of requests that a canary answers.
  public var share = 0.1
  /// Labels that must come for a candidate on trial, and hours after which those that have come must do.
  public var trial = 200
  public var trialHours = 24.0
  /// Labels for which a new version is watched; 0: not at all.
  public var watch = 200
  /// Accuracy that a new version may lose against the one before.
  public var tolerance = 0.05

  public init() {}
}

/// How what was served is judged when labels come.
public struct JudgingOptions: Sendable, Equatable {
  /// Labels of the sliding window.
  public var window = 500
  /// The detector of drift, by the name that recipes use.
  public var detector = "adwin"

  public init() {}
}
