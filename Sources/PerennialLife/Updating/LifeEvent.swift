/// What happens during an update, for whoever shows progress.
public enum LifeEvent: Sendable {
  /// Inputs were taken in.
  case taken(Intake)
  /// Training goes on where it was stopped.
  case resumed(step: Int)
  /// A step of training.
  case step(Int, of: Int, loss: Double)
  /// The candidate is being judged: so many examples of all.
  case judging(Int, of: Int)
  /// A version was written and serves.
  case promoted(Int)
  case warning(String)
}

/// How an update ended.
public struct LearnOutcome: Codable, Sendable, Equatable {
  public enum Result: String, Codable, Sendable {
    /// The candidate serves.
    case promoted
    /// The candidate serves, although the gate refused it: a person decided so.
    case forced
    /// The gate refused the candidate, and the version before goes on serving.
    case refused
    /// Only the verdict was asked for.
    case dryRun = "dry-run"
  }

  /// What became of the candidate.
  public let result: Result
  /// The version that serves now.
  public let version: Int
  public let intake: Intake
  public let verdict: Verdict
  /// Of training, over all attempts, and its optimizer steps.
  public let seconds: Double
  public let steps: Int
  /// Whether a budget ended the training early.
  public let isCutShort: Bool
}

/// How an update is to be done.
public struct LearnOptions: Sendable {
  /// Judges the candidate and changes nothing.
  public var isDryRun = false
  /// Why the candidate is promoted even if the gate refuses it.
  public var force: String?
  /// Labels that become part of others first.
  public var merges: [LabelMerge] = []
  /// Takes in again what was refused or withdrawn.
  public var retries = false
  /// A candidate that passes becomes a version, and the one before goes on serving.
  public var holdsBack = false
  /// Without new inputs: what is pending in the directory is learned, such as feedback.
  public init() {}
}
