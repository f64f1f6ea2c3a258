import Foundation
public import PerennialLife

/// Makes the model of a version, on the thread that will use it.
public typealias VersionOpener = @Sendable () throws -> any ServedModel

/// Where the versions of a model are kept, and where new ones come from.
///
/// A server asks it from many tasks. What takes long goes on a thread of its own.
public protocol VersionSource: Sendable {
  /// The model's name, as clients see it.
  var name: String { get }

  /// Whether examples are kept, to learn from: false for a folder that does not change.
  var keepsExamples: Bool { get }

  /// The version in use, asked often: its number, and a name that is another one where its weights are written anew.
  func current() async throws -> (number: Int, name: String)

  /// Everything about the versions so far.
  func history() async throws -> VersionHistory

  /// How to make the model of a version.
  func opener(of version: Int) async throws -> VersionOpener

  /// Remembers what was served, so that labels can come after a restart. Nobody waits for it.
  func remember(_ predictions: [ServedRecord]) async throws

  /// What is remembered of these ids.
  func recall(_ ids: [String]) async throws -> [ServedRecord]

  /// Keeps labelled examples to learn from. They are safe when this returns.
  ///
  /// - Returns: of each that was served, its place in the order in which labels came, from 1; nil for others, and for what is
  ///   not remembered any more.
  @discardableResult
  func record(_ examples: [LabelledExample]) async throws -> [Int?]

  /// How many examples wait to be learned.
  func pending() async throws -> Int

  /// The latest predictions whose labels came, in the order in which they did.
  func judged(latest count: Int) async throws -> [JudgedPrediction]

  /// What the process before kept for this one.
  func standing() async throws -> Standing?

  /// Keeps what the next process has to know, and tells the audit log.
  func keep(_ standing: Standing, telling event: ServingEvent?) async throws

  /// Trains a candidate on what was recorded, and judges it; the version in use stays as it is.
  ///
  /// - Parameter retrying: takes in again what was refused or withdrawn.
  func learn(because reason: String, retrying: Bool) async throws -> UpdateOutcome

  /// Makes a version the current one.
  func promote(_ version: Int, because reason: String) async throws

  /// Makes an earlier version the current one again.
  func rollback(to version: Int, because reason: String) async throws

  /// Erases examples by their ids.
  ///
  /// - Parameters:
  ///   - policy: what becomes of weights that have seen them.
  ///   - force: why a version that was learned without them serves even if its gate refuses it.
  func forget(_ ids: [String], _ policy: ForgetPolicy, force: String?) async throws -> ErasureReport

  /// Saves everything as it is now; gives a name of what was saved.
  func snapshot() async throws -> String

  /// How many examples of each label the memories of a version hold.
  func memory(of version: Int) async throws -> [LabelCount]

  /// How many examples of each label were learned and are still known.
  func known() async throws -> [LabelCount]
}

extension VersionSource {
  /// No.
  public var keepsExamples: Bool { false }

  /// As the history says.
  public func current() async throws -> (number: Int, name: String) {
    let number = try await history().current
    return (number, "\(number)")
  }

  /// Does not.
  public func remember(_ predictions: [ServedRecord]) async throws {}

  /// Nothing.
  public func recall(_ ids: [String]) async throws -> [ServedRecord] { [] }

  /// None.
  public func pending() async throws -> Int { 0 }

  /// None.
  public func judged(latest count: Int) async throws -> [JudgedPrediction] { [] }

  /// Nothing.
  public func standing() async throws -> Standing? { nil }

  /// Does not.
  public func keep(_ standing: Standing, telling event: ServingEvent?) async throws {}

  /// Refuses: these versions do not change.
  public func record(_ examples: [LabelledExample]) async throws -> [Int?] {
    throw ServeError.unsupported(Self.fixed)
  }

  /// Refuses: these versions do not change.
  public func learn(because reason: String, retrying: Bool) async throws -> UpdateOutcome {
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
  public func forget(_ ids: [String], _ policy: ForgetPolicy, force: String?) async throws -> ErasureReport {
    throw ServeError.unsupported(Self.fixed)
  }

  /// Refuses: these versions do not change.
  public func snapshot() async throws -> String { throw ServeError.unsupported(Self.fixed) }

  /// None.
  public func memory(of version: Int) async throws -> [LabelCount] { [] }

  /// None.
  public func known() async throws -> [LabelCount] { [] }

  private static var fixed: String {
    "this is a folder with one model, not a model directory: it does not change"
  }
}

/// What was served to somebody, and the id that a label may come for.
public struct ServedRecord: Sendable, Equatable {
  public let id: String
  /// What was asked; nil where the source has it already.
  public let input: ServedInput?
  public let version: Int
  public let label: String
  public let probability: Float
  /// Whether its label has come.
  public let isUsed: Bool

  public init(
    id: String, input: ServedInput?, version: Int, label: String, probability: Float, isUsed: Bool = false
  ) {
    (self.id, self.input, self.version) = (id, input, version)
    (self.label, self.probability, self.isUsed) = (label, probability, isUsed)
  }
}

/// Something that a model can learn from.
public enum LabelledExample: Sendable, Equatable {
  /// A prediction that was served, what it turned out to be, and what a shadow would have said.
  case served(ServedRecord, label: String, shadow: String? = nil)
  /// An input that nobody had asked about, under the id that a client gave it.
  case given(id: String, input: ServedInput, label: String)

  /// What `forget` takes.
  public var id: String {
    switch self {
    case .served(let record, _, _): record.id
    case .given(let id, _, _): id
    }
  }

  /// The true label.
  public var label: String {
    switch self {
    case .served(_, let label, _), .given(_, _, let label): label
    }
  }
}

/// How many examples have a label.
public struct LabelCount: Sendable, Codable, Equatable {
  public let label: String
  public let count: Int

  public init(label: String, count: Int) { (self.label, self.count) = (label, count) }
}

/// What a source knows of its versions.
public struct VersionHistory: Sendable, Codable, Equatable {
  /// The number of the version in use.
  public var current: Int
  /// The oldest first.
  public var versions: [VersionRecord]
  /// The names of the test sets on which versions were judged.
  public var suites: [String]
  /// Candidates that did not pass their gate, the oldest first: they left no version.
  public var refused: [RefusedUpdate]

  public init(
    current: Int, versions: [VersionRecord], suites: [String] = [], refused: [RefusedUpdate] = []
  ) {
    (self.current, self.versions, self.suites, self.refused) = (current, versions, suites, refused)
  }
}

/// An update whose candidate did not pass its gate.
public struct RefusedUpdate: Sendable, Codable, Equatable {
  /// The version that it began from.
  public var parent: Int
  public var created: Date
  public var examples: Int
  public var verdict: GateVerdict?

  public init(parent: Int, created: Date, examples: Int, verdict: GateVerdict? = nil) {
    (self.parent, self.created, self.examples, self.verdict) = (parent, created, examples, verdict)
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
public enum UpdateOutcome: Sendable, Equatable {
  /// There was nothing to learn.
  case nothing
  /// The candidate is gone.
  case refused(GateVerdict)
  /// The number of a candidate that passed its gate.
  case passed(Int)
}

/// What was done to forget.
public struct ErasureReport: Sendable, Codable, Equatable {
  /// The ids of what was erased, and of what was not there.
  public var erased: [String]
  public var unknown: [String]
  /// Versions that had learned from what was erased, and are gone or other weights now.
  public var versions: [Int]
  /// What was done about them, in words.
  public var actions: [String]
  /// What became of weights that had seen it; nil where nothing was learned from it.
  public var weights: ForgetReceipt.Weights?

  public init(
    erased: [String], unknown: [String], versions: [Int], actions: [String],
    weights: ForgetReceipt.Weights? = nil
  ) {
    (self.erased, self.unknown, self.versions) = (erased, unknown, versions)
    (self.actions, self.weights) = (actions, weights)
  }
}
