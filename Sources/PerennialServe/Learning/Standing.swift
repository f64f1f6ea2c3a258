import Foundation
import Perennial

/// What a server has to know when it is started anew, beside what follows from the labels that came.
public struct Standing: Codable, Sendable, Equatable {
  /// A candidate that is asked beside the version in use.
  public struct Trial: Codable, Sendable, Equatable {
    public let version: Int
    /// The version in use, which it is compared with.
    public let against: Int
    public let mode: LearningPolicy.Mode
    public let began: Date
    /// How the latest answers were when it began.
    public let before: Tally
    /// Labels that had come by then: those after them judge it.
    public let since: Int
  }

  /// A version in use that may be sent back.
  public struct Watch: Codable, Sendable, Equatable {
    public let version: Int
    public let previous: Int
    public let before: Tally
    public let since: Int
  }

  /// The version in use; a trial and a watch are of no other.
  public var version: Int
  public var isPaused = false
  public var trial: Trial?
  public var watch: Watch?

  public init(version: Int) { self.version = version }
}
