/// What becomes of the weights that have seen what is forgotten.
public enum ForgetPolicy: String, Codable, Sendable, CaseIterable {
  /// Taken out of the statistics exactly where the head counts and the backbone rests; otherwise as `rebuild`.
  case unlearn
  /// Learned again from the last version that had not seen it.
  case rebuild
  /// Left as they are: what is stored goes, what was learned stays.
  case erase
}

/// What was done to forget some examples.
public struct ForgetReceipt: Codable, Sendable, Equatable {
  /// What became of the weights.
  public enum Weights: String, Codable, Sendable {
    /// No version had learned from it.
    case unseen
    /// Its part was taken out of every version that is kept.
    case unlearned
    /// A new version serves that never saw it; those that had are gone.
    case rebuilt
    /// The gate refused the version that was learned without it: the one that had seen it serves on.
    case refused
    /// Left as they are, as the policy says.
    case kept
  }

  /// ISO 8601, by the clock of the machine.
  public let time: String
  /// As they were asked for. The directory itself keeps salted digests of them.
  public let identifiers: [String]
  public let policy: ForgetPolicy
  /// What was erased: examples, copies in replay memories of versions, predictions that were served.
  public let examples: Int
  public let memories: Int
  public let served: Int
  public var weights: Weights
  /// Versions whose files were written anew without it.
  public let rewritten: [Int]
  /// Versions that had seen it and are gone.
  public var cleared: [Int]
  /// The version that serves now, and the one that it was learned from where it was rebuilt.
  public var version: Int
  public var rebuiltFrom: Int?
  public var verdict: Verdict?
  /// Of erasing, before anything was learned again.
  public let seconds: Double
}
