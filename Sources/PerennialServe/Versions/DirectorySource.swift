import Foundation
import Perennial
import PerennialLife
import PerennialModalities

/// A model directory: what is served follows it, and what is learned goes into it.
public final class DirectorySource: VersionSource {
  public let name: String
  public let keepsExamples: Bool
  let directory: ModelDirectory
  private let options: Options
  /// Short work, such as keeping labels; and long work, at lower priority.
  private let clerk: DirectoryWorker
  private let trainer: DirectoryWorker
  /// Looks at what is there, while labels are kept.
  private let reader: DirectoryWorker
  private let labels: Batcher<LabelledExample, Int?>
  /// Ends the update that is under way.
  private let stopping = Locked<StopFlag?>(nil)

  /// How a directory is served.
  public struct Options: Sendable {
    /// Whether this process may change the directory: one at a time.
    public var isWriting = false
    /// Whether a version that passed its gate waits for a trial, rather than serve at once.
    public var holdsBack = false
    /// Where copies of the directory go; none are made where nil.
    public var snapshots: URL?
    /// Predictions without a label that are remembered.
    public var remembered = ServeOptions.Limits().remembered

    public init() {}
  }

  /// - Throws: `LifeError` for a folder that is no model directory, and where another process holds it.
  public init(_ url: URL, _ options: Options = Options()) throws {
    let directory = try ModelDirectory(url, for: options.isWriting ? .write : .read)
    (self.directory, self.options) = (directory, options)
    name = url.lastPathComponent
    keepsExamples = options.isWriting
    let clerk = DirectoryWorker("directory", directory)
    self.clerk = clerk
    trainer = DirectoryWorker("training", directory, niceness: 10)
    reader = DirectoryWorker("reading", directory)
    labels = Batcher(.init(batch: 1024, waiting: 65_536)) { try await clerk.record($0) }
  }

  /// Whether a folder is a model directory.
  public static func isThere(_ url: URL) -> Bool { VersionStore(url).exists }

  // MARK: - Versions

  public func current() async throws -> (number: Int, name: String) {
    let name = try directory.store.currentName()
    return try (VersionStore.number(of: name) ?? directory.store.current().version, name)
  }

  public func history() async throws -> VersionHistory {
    try await reader { directory, _ in try VersionHistory(directory.history()) }
  }

  public func opener(of version: Int) async throws -> VersionOpener {
    guard directory.store.numbers().contains(version) else {
      throw ServeError.missing("there is no version \(version) that could answer")
    }
    let directory = directory
    return { try DirectoryModel(directory.load(version, DirectoryWorker.modality(of: directory))) }
  }

  public func memory(of version: Int) async throws -> [LabelCount] {
    try await reader { directory, _ in try Self.counts(directory.memoryByLabel(of: version)) }
  }

  public func known() async throws -> [LabelCount] {
    try await reader { directory, _ in try Self.counts(directory.examplesByLabel()) }
  }

  private static func counts(_ labels: [String: Int]) -> [LabelCount] {
    labels.sorted { $0.key < $1.key }.map { LabelCount(label: $0.key, count: $0.value) }
  }

  // MARK: - What was served, and what it was

  public func remember(_ predictions: [ServedRecord]) async throws {
    try await clerk.remember(predictions, keeping: options.remembered)
  }

  public func recall(_ ids: [String]) async throws -> [ServedRecord] {
    try await clerk { directory, _ in
      try directory.recall(ids).map {
        ServedRecord(
          id: $0.identifier, input: nil, version: $0.version, label: $0.label,
          probability: Float($0.probability),
          isUsed: $0.hasFeedback)
      }
    }
  }

  public func pending() async throws -> Int {
    try await clerk { directory, _ in try directory.pendingCount() }
  }

  public func record(_ examples: [LabelledExample]) async throws -> [Int?] { try await labels(examples) }

  public func judged(latest count: Int) async throws -> [JudgedPrediction] {
    try await clerk { directory, _ in try directory.judged(latest: count) }
  }

  public func standing() async throws -> Standing? {
    // What another program wrote in another way is as good as nothing.
    try await clerk { directory, _ in
      try directory.standing().flatMap { try? JSONDecoder().decode(Standing.self, from: $0) }
    }
  }

  public func keep(_ standing: Standing, telling event: ServingEvent?) async throws {
    try await clerk { directory, _ in
      try directory.keep(standing: JSONEncoder().encode(standing), telling: event)
    }
  }

  // MARK: - Changing the model

  public func learn(because reason: String, retrying: Bool) async throws -> UpdateOutcome {
    let holdsBack = options.holdsBack
    let stop = StopFlag()
    stopping { $0 = stop }
    return try await withTaskCancellationHandler {
      try await trainer { directory, modality in
        let before = try directory.store.current().version
        do {
          var options = LearnOptions()
          (options.holdsBack, options.retries) = (holdsBack, retrying)
          let outcome = try directory.learn(nil, modality, options: options, shouldStop: { stop.isSet })
          guard outcome.version != before else { return .refused(GateVerdict(outcome.verdict)) }
          return .passed(outcome.version)
        } catch LifeError.nothingToLearn {
          return .nothing
        } catch LifeError.interrupted {
          throw CancellationError()
        }
      }
    } onCancel: {
      stop.set()
    }
  }

  public func promote(_ version: Int, because reason: String) async throws {
    try await rollback(to: version, because: reason)
  }

  /// A directory goes back and forth alike. An update that is under way is stopped first.
  public func rollback(to version: Int, because reason: String) async throws {
    guard keepsExamples else { throw Self.readOnly }
    guard try await current().number != version else { return }
    stopping { $0?.set() }
    try await trainer { directory, _ in _ = try directory.rollback(to: version, reason: reason) }
  }

  /// Erases at once, and then sees to the weights. An update that is under way is stopped first.
  public func forget(_ ids: [String], _ policy: ForgetPolicy, force: String?) async throws -> ErasureReport {
    stopping { $0?.set() }
    return try await trainer { directory, modality in
      func forget(_ ids: [String]) throws -> ForgetReceipt {
        try directory.forget(ids, policy: policy, force: force, modality)
      }
      do {
        return try ErasureReport(forget(ids), unknown: [])
      } catch LifeError.unknownExamples(let unknown) {
        let known = ids.filter { !unknown.contains($0) }
        do {
          // Without any it does what an earlier call still owes: weights that its gate refused.
          return try ErasureReport(forget(known), unknown: unknown)
        } catch LifeError.unknownExamples where known.isEmpty {
          return ErasureReport(erased: [], unknown: ids, versions: [], actions: [])
        }
      }
    }
  }

  public func snapshot() async throws -> String {
    guard keepsExamples else { throw Self.readOnly }
    guard let folder = options.snapshots else {
      throw ServeError.unsupported("there is no place for copies; start the server with --snapshots FOLDER")
    }
    return try await trainer { directory, _ in
      let version = try directory.store.current().version
      let time = Date().formatted(.iso8601.timeSeparator(.omitted))
      let name = "\(directory.url.lastPathComponent)-\(version)-\(time)"
      try directory.snapshot(to: folder.appendingPathComponent(name, isDirectory: true))
      return name
    }
  }

  private static var readOnly: ServeError {
    .unsupported(
      "the directory was opened for reading alone; start the server with --learn or a token for administration"
    )
  }
}
