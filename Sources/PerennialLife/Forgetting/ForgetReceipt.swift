/// What becomes of the weights that have seen what is forgotten.
public enum ForgetPolicy: String, Codable, Sendable, CaseIterable {
  /// Taken out of the statistics exactly where the head counts and the backbone rests; where each update has adapters of its
  /// own, those that saw it learn again and the others stay; otherwise as `rebuild`.
  case unlearn
  /// Adapters that saw it are taken away, for models whose updates have adapters of their own.
  case drop
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
    /// The adapters that had learned from it were taken out of every version that is kept, with all that they knew.
    case dropped
    /// A new version serves whose adapters that had learned from it were learned again, and whose others are as they were;
    /// versions that had seen it are gone.
    case relearned
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
  /// The adapters that were dropped or learned again: the experiences that they are of, counted from 0.
  public var adapters: [Int] = []
  /// Inputs that were known by dropped adapters alone, and can be learned again.
  public var withdrawn = 0
  /// Of erasing, before anything was learned again.
  public let seconds: Double
}
