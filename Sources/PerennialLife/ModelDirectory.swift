import Foundation
import GRDB
import Perennial
import Torch

/// A model that lives for years: its versions, what it learned from, who decided what, and how it goes on learning.
///
/// One object writes, in one process: it holds the lock of the directory until it is released or the process ends. Any
/// number read. Every change is one transaction; `CURRENT` is flipped last.
public final class ModelDirectory: Sendable {
  /// What a directory is opened for.
  public enum Access: Sendable { case read, write }

  /// The folder.
  public let url: URL
  /// The versions as files: all that serving needs.
  public let store: VersionStore
  let now: @Sendable () -> Date
  private let lock: FolderLock?
  private let opened: OpenDatabase

  /// The database, opened once it is needed: serving does without.
  private final class OpenDatabase: @unchecked Sendable {
    let lock = NSLock()
    var database: LifeDatabase?
  }

  /// Opens a directory; what a killed process left half done is finished or discarded where it is opened for writing.
  ///
  /// - Parameter now: the clock, which may be wrong: nothing depends on it.
  /// - Throws: ``LifeError``
  public init(_ url: URL, for access: Access = .read, now: @escaping @Sendable () -> Date = { Date() }) throws
  {
    self.url = url
    self.now = now
    store = VersionStore(url)
    opened = OpenDatabase()
    guard store.exists else { throw LifeError.notADirectory(path: url.path) }
    lock = access == .write ? try Self.locked(url) : nil
    if access == .write { try recover() }
  }

  private static func locked(_ url: URL) throws -> FolderLock {
    do {
      return try FolderLock(url)
    } catch FolderLock.Failure.held(let process) {
      throw LifeError.inUse(path: url.path, process: process)
    } catch FolderLock.Failure.system(let code) {
      throw LifeError.unwritable(path: url.path, reason: String(cString: strerror(code)))
    }
  }

  /// Whether this object may change the directory.
  public var isWriting: Bool { lock != nil }

  /// - Throws: `LifeError.damagedDatabase`, `LifeError.newerFormat`.
  var database: LifeDatabase {
    get throws {
      try opened.lock.withLock {
        if let database = opened.database { return database }
        let database = try LifeDatabase(
          url.appendingPathComponent(LifeDatabase.fileName), isWriting: isWriting)
        opened.database = database
        return database
      }
    }
  }

  /// `life.yaml` as it is now; versions remember their own.
  ///
  /// - Throws: `ConfigurationError` with the line of the first mistake.
  public func configuration(_ changes: [RecipeChange] = []) throws -> LifeConfiguration {
    let file = url.appendingPathComponent(LifeConfiguration.fileName)
    guard let text = try? String(contentsOf: file, encoding: .utf8) else {
      throw LifeError.notADirectory(path: url.path)
    }
    return try LifeConfiguration(yaml: text, source: file.relativePath, changes: changes)
  }

  /// A version in memory; the one that serves where no number is given, or the newest whole one where that is damaged.
  ///
  /// - Parameters:
  ///   - modality: knows files below the directory.
  ///   - warn: takes what is wrong with the version that should serve.
  /// - Throws: ``LifeError``
  public func load(_ number: Int? = nil, _ modality: any Modality, warn: (String) -> Void = { _ in }) throws
    -> LivingModel
  {
    if let number {
      let manifest = try store.manifest(number)
      try store.checkFiles(of: manifest)
      return try LivingModel(manifest, store.state(of: manifest), modality)
    }
    let (manifest, state, warning) = try store.newestWhole()
    if let warning { warn(warning) }
    try store.checkFiles(of: manifest)
    return try LivingModel(manifest, state, modality)
  }

  /// The folder of work in progress.
  var work: URL { url.appendingPathComponent("work", isDirectory: true) }

  /// The clock's time as it is written down.
  var time: String { now().formatted(.iso8601) }

  // MARK: - After a crash

  /// Finishes or discards what was under way when a process ended: the database decides what has happened.
  private func recover() throws {
    let database = try database
    let (name, kept) = try database.read { db in
      (
        try LifeDatabase.fact("current", in: db),
        try String.fetchAll(db, sql: "SELECT name FROM versions WHERE NOT is_cleared")
      )
    }
    guard !name.isEmpty else { return }
    try database.sealAudit()
    if (try? store.currentName()) != name {
      // Only what is whole may serve; else what serves goes on.
      _ = try store.manifest(named: name)
      try store.point(to: name)
    }
    try store.collectGarbage(keeping: Set(kept).union([name]))
    if try database.read({ try LifeDatabase.fact(Self.scrubFact, in: $0) }) == "1" { try scrub() }
  }

  /// Set while traces of what was deleted may be left in files.
  static let scrubFact = "scrub"

  /// Leaves no trace of what was deleted: not in work in progress, not in the database's free pages, nor in its log.
  ///
  /// - Parameter traces: what must be nowhere; nil where it is not known any more.
  func scrub(_ traces: [Data]? = nil) throws {
    try? FileManager.default.removeItem(at: work)
    let database = try database
    try database.scrub(traces)
    try database.write { try LifeDatabase.setFact(Self.scrubFact, "0", in: $0) }
    try database.emptyLog()
  }

  // MARK: - Making one

  /// Makes a model directory with an untrained version.
  ///
  /// - Parameters:
  ///   - configuration: `life.yaml`; what it says of files is below `model/`.
  ///   - files: puts what the model is made from into the folder that it is given, `model/`.
  ///   - modality: for the directory.
  /// - Throws: `LifeError.exists`; what making the model throws, in which case nothing stays behind.
  public static func create(
    _ url: URL, yaml: String, files: ((URL) throws -> Void)? = nil, modality: any Modality,
    now: @escaping @Sendable () -> Date = { Date() }
  ) throws -> ModelDirectory {
    let manager = FileManager.default
    guard !manager.fileExists(atPath: url.path) else { throw LifeError.exists(path: url.path) }
    do {
      for folder in ["versions", "blobs"] {
        try manager.createDirectory(
          at: url.appendingPathComponent(folder, isDirectory: true), withIntermediateDirectories: true)
      }
      let store = VersionStore(url)
      if let files {
        try manager.createDirectory(at: store.modelFiles, withIntermediateDirectories: true)
        try files(store.modelFiles)
      }
      try AtomicFile.write(Data(yaml.utf8), to: url.appendingPathComponent(LifeConfiguration.fileName))
      let directory = try ModelDirectory(url, for: .write, now: now)
      try directory.found(modality)
      return directory
    } catch {
      try? manager.removeItem(at: url)
      if let error = error as? CocoaError {
        throw LifeError.unwritable(path: url.path, reason: error.localizedDescription)
      }
      throw error
    }
  }

  private func found(_ modality: any Modality) throws {
    let configuration = try configuration()
    let inputs = try modality.liveInputs(configuration.recipe)
    let learner = try configuration.learner(inputs)
    for strategy in learner.strategies {
      try strategy.check(
        StreamFacts(
          classes: 1, experiences: 2, scenario: .instanceIncremental,
          strategies: learner.strategies.map(\.name)))
    }
    let files = try store.digests()
    let entry = try database.read { try LifeDatabase.entry("init", ["version": 0], at: time, in: $0) }
    var manifest = VersionManifest(
      version: 0, parent: nil, kind: .initial, created: time, labels: [], merged: [:],
      configuration: configuration.yaml, examples: 0, newExamples: 0,
      parameters: learner.model.parameterCount, accuracy: nil, program: Version.current, files: files,
      fromFiles: files.isEmpty
        ? [] : try Self.unchanging(learner, configuration.learner(inputs, seedOffset: 1)),
      blobs: [:])
    manifest.audit = VersionManifest.AuditEnd(entry)
    let name = try store.write(manifest, learner.state()).name
    try database.write { db in
      try LifeDatabase.setFact("salt", String(UInt64.random(in: .min ... .max), radix: 36), in: db)
      try LifeDatabase.setFact("current", name, in: db)
      try LifeDatabase.insert(manifest, name: name, in: db)
      try LifeDatabase.append(entry, in: db)
    }
    try store.point(to: name)
  }

  /// The weights that do not learn and that two models with different random numbers share: files gave them.
  private static func unchanging(_ one: Learner, _ other: Learner) throws -> [String] {
    let frozen = one.model.frozenPaths
    let (own, others) = (try one.model.stateDictionary(), try other.model.stateDictionary())
    return try noGrad {
      try own.filter { path, tensor in
        guard frozen.contains(path), let twin = others[path], twin.shape == tensor.shape else { return false }
        return try tensor.count == 0 || (tensor .== twin).all().item() == 1
      }.keys.sorted()
    }
  }
}
