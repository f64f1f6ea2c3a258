import Foundation

/// Makes the model of a version, on the thread that will use it.
public typealias VersionOpener = @Sendable () throws -> any ServedModel

/// Where the versions of a model are kept, and where new ones come from.
///
/// A server asks it from many tasks. What takes long goes on a thread of its own.
public protocol VersionStore: Sendable {
  /// The model's name, as clients see it.
  var name: String { get }

  /// Whether examples are kept, to learn from: false for a folder that does not change.
  var keepsExamples: Bool { get }

  /// The number of the version in use; asked often.
  func current() async throws -> Int

  /// Everything about the versions so far.
  func history() async throws -> VersionHistory

  /// How to make the model of a version.
  func opener(of version: Int) async throws -> VersionOpener

  /// Keeps labelled examples to learn from. They are safe when this returns.
  func record(_ examples: [LabelledExample]) async throws

  /// Trains a candidate on what was recorded, and judges it; the version in use stays as it is.
  func learn(because reason: String) async throws -> UpdateOutcome

  /// Makes a version the current one.
  func promote(_ version: Int, because reason: String) async throws

  /// Makes an earlier version the current one again.
  func rollback(to version: Int, because reason: String) async throws

  /// Erases examples by their ids.
  func forget(_ ids: [String]) async throws -> ForgetReceipt

  /// Saves everything as it is now; gives a name of what was saved.
  func snapshot() async throws -> String

  /// Examples that are kept for rehearsal, of each label.
  func memory() async throws -> [LabelCount]
}

extension VersionStore {
  /// No.
  public var keepsExamples: Bool { false }

  /// As the history says.
  public func current() async throws -> Int { try await history().current }

  /// Refuses: these versions do not change.
  public func record(_ examples: [LabelledExample]) async throws { throw ServeError.unsupported(Self.fixed) }

  /// Refuses: these versions do not change.
  public func learn(because reason: String) async throws -> UpdateOutcome {
    throw ServeError.unsupported(Self.fixed)
  }

  /// Refuses: these versions do not change.
  public func promote(_ version: Int, because reason: String) async throws {
    throw ServeError.unsupported(Self.fixed)
  }

  /// Refuses: these versions do not change.
  public func rollback(to version: Int, because reason: String) async throws {
    throw ServeError.unsupported(Self.fixed)
  }

  /// Refuses: nothing is kept here.
  public func forget(_ ids: [String]) async throws -> ForgetReceipt {
    throw ServeError.unsupported(Self.fixed)
  }

  /// Refuses: these versions do not change.
  public func snapshot() async throws -> String { throw ServeError.unsupported(Self.fixed) }

  /// None.
  public func memory() async throws -> [LabelCount] { [] }

  private static var fixed: String {
    "this is a folder with one model, not a model directory: it does not change"
  }
}

/// An input and what it turned out to be.
public struct LabelledExample: Sendable, Equatable {
  /// The prediction's id, or one that a client gave: what `forget` takes.
  public let id: String
  public let input: ServedInput
  public let label: String
  /// What was served for it; nil where nobody asked.
  public let served: Served?

  /// What a version said.
  public struct Served: Sendable, Equatable {
    public let version: Int
    public let label: String
    public let probability: Float

    public init(version: Int, label: String, probability: Float) {
      (self.version, self.label, self.probability) = (version, label, probability)
    }
  }

  public init(id: String, input: ServedInput, label: String, served: Served? = nil) {
    (self.id, self.input, self.label, self.served) = (id, input, label, served)
  }
}

/// How many examples have a label.
public struct LabelCount: Sendable, Codable, Equatable {
  public let label: String
  public let count: Int

  public init(label: String, count: Int) { (self.label, self.count) = (label, count) }
}

/// What a store knows of its versions.
public struct VersionHistory: Sendable, Codable, Equatable {
  /// The number of the version in use.
  public var current: Int
  /// The oldest first.
  public var versions: [VersionRecord]
  /// The names of the test sets on which versions were judged.
  public var suites: [String]

  public init(current: Int, versions: [VersionRecord], suites: [String] = []) {
    (self.current, self.versions, self.suites) = (current, versions, suites)
  }
}

/// One version.
public struct VersionRecord: Sendable, Codable, Equatable {
  public var number: Int
  public var parent: Int?
  public var created: Date
  /// Examples that it learned from, beyond its parent's.
  public var examples: Int
  /// Why it was made.
  public var reason: String
  /// How it was judged; nil for the first.
  public var verdict: GateVerdict?
  /// The accuracy on each suite, nil where it was not measured.
  public var accuracy: [Double?]

  public init(
    number: Int, parent: Int? = nil, created: Date, examples: Int, reason: String,
    verdict: GateVerdict? = nil,
    accuracy: [Double?] = []
  ) {
    (self.number, self.parent, self.created, self.examples) = (number, parent, created, examples)
    (self.reason, self.verdict, self.accuracy) = (reason, verdict, accuracy)
  }
}

/// Whether a candidate may replace the version in use, and why.
public struct GateVerdict: Sendable, Codable, Equatable {
  /// One thing that was looked at.
  public struct Check: Sendable, Codable, Equatable {
    public var name: String
    public var passed: Bool
    /// What was measured and what is allowed, in words.
    public var finding: String

    public init(name: String, passed: Bool, finding: String) {
      (self.name, self.passed, self.finding) = (name, passed, finding)
    }
  }

  /// Whether all checks passed, and the checks.
  public var passed: Bool
  public var checks: [Check]

  public init(passed: Bool, checks: [Check]) { (self.passed, self.checks) = (passed, checks) }
}

/// What came of learning.
public struct UpdateOutcome: Sendable, Equatable {
  /// The candidate; nil where there was nothing to learn.
  public var candidate: Int?
  public var verdict: GateVerdict

  public init(candidate: Int?, verdict: GateVerdict) { (self.candidate, self.verdict) = (candidate, verdict) }
}

/// What was done to forget.
public struct ForgetReceipt: Sendable, Codable, Equatable {
  /// The ids of what was erased, and of what was not there.
  public var erased: [String]
  public var unknown: [String]
  /// Versions that had learned from what was erased.
  public var versions: [Int]
  /// What was done about them, in words.
  public var actions: [String]

  public init(erased: [String], unknown: [String], versions: [Int], actions: [String]) {
    (self.erased, self.unknown, self.versions, self.actions) = (erased, unknown, versions, actions)
  }
}
