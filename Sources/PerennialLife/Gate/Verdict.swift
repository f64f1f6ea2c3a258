import Foundation
import Perennial

/// What the gate found of a candidate, for people and for programs.
public struct Verdict: Codable, Sendable, Equatable {
  /// One thing that a candidate must keep to.
  public struct Check: Codable, Sendable, Equatable {
    /// `finite`, `movement`, `anchor …`, `forgetting`, `anchors`, `recent`, `negative-flips`, `class-floor`, `invariants`,
    /// `latency`, `size`.
    public let name: String
    public let passed: Bool
    /// What was measured, and what is allowed; nil where there was nothing to measure by.
    public let measured: Double?
    public let limit: Double?
    /// A sentence for people.
    public let detail: String
  }

  /// What both versions scored on one suite.
  public struct Suite: Codable, Sendable, Equatable {
    /// The version that froze it, or its name; `new` for what the update itself held out.
    public let name: String
    public let outcomes: PairedOutcomes
    /// Accuracies; `before` is nil where the version before knows nothing at all.
    public let before: Double?
    public let after: Double
  }

  /// Whether the candidate may serve.
  public let passed: Bool
  public let checks: [Check]
  public let suites: [Suite]
  /// Accuracy on all suites together.
  public let before: Double?
  public let after: Double?
  /// The two-sided 95 % bootstrap interval of the gain on all suites together.
  public let gain: [Double]?

  public init(checks: [Check], suites: [Suite], before: Double?, after: Double?, gain: [Double]?) {
    passed = checks.allSatisfy(\.passed)
    (self.checks, self.suites, self.before, self.after, self.gain) = (checks, suites, before, after, gain)
  }

  /// The checks that failed.
  public var failures: [Check] { checks.filter { !$0.passed } }

  /// The verdict in lines.
  public var lines: [String] {
    var lines = checks.map { "\($0.passed ? "ok    " : "FAILED")  \($0.name): \($0.detail)" }
    if let after {
      let range = gain.map { " (gain \(Self.points($0[0])) to \(Self.points($0[1])))" } ?? ""
      lines.append(
        "accuracy \(before.map(Self.percent) ?? "–") → \(Self.percent(after))\(before == nil ? "" : range)")
    }
    return lines
  }

  static func percent(_ share: Double) -> String { String(format: "%.1f %%", 100 * share) }
  static func points(_ share: Double) -> String { String(format: "%+.1f points", 100 * share) }
}
