import Foundation
import GRDB
import Perennial

/// `life.sqlite` of a model directory: examples, who learned what when, what was served and said about it, and the audit
/// log. One process writes, many read.
public final class LifeDatabase: Sendable {
  /// The file.
  public let url: URL
  let reader: any DatabaseReader
  private let writer: DatabasePool?
  private let seal: AuditSeal

  static let fileName = "life.sqlite"

  /// - Parameter isWriting: whoever writes holds the lock of the directory.
  /// - Throws: `LifeError.damagedDatabase`, `LifeError.newerFormat`, `LifeError.unwritable`.
  init(_ url: URL, isWriting: Bool) throws {
    self.url = url
    seal = AuditSeal(in: url.deletingLastPathComponent())
    var configuration = Configuration()
    configuration.busyMode = .timeout(10)
    configuration.readonly = !isWriting
    configuration.prepareDatabase { db in
      // What is deleted is overwritten, and what SQLite sorts stays out of files.
      try db.execute(sql: "PRAGMA secure_delete = ON; PRAGMA temp_store = MEMORY")
      if !db.configuration.readonly { try db.execute(sql: "PRAGMA synchronous = FULL") }
    }
    do {
      if isWriting {
        let pool = try DatabasePool(path: url.path, configuration: configuration)
        (writer, reader) = (pool, pool)
        try Self.check(pool, url)
        try Self.migrator.migrate(pool)
      } else {
        writer = nil
        reader = try Self.readOnly(url, configuration)
        try Self.check(reader, url)
      }
    } catch let error as DatabaseError {
      throw Self.translated(error, url)
    }
  }

  /// A folder that may not be written has no room for the files beside a database in WAL mode; without a log to read, the
  /// database file alone is all there is.
  private static func readOnly(_ url: URL, _ configuration: Configuration) throws -> any DatabaseReader {
    do {
      let queue = try DatabaseQueue(path: url.path, configuration: configuration)
      _ = try queue.read { try Int.fetchOne($0, sql: "SELECT count(*) FROM sqlite_master") }
      return queue
    } catch let error as DatabaseError
      where [.SQLITE_CANTOPEN, .SQLITE_READONLY].contains(error.resultCode.primaryResultCode)
    {
      let log = (try? FileManager.default.attributesOfItem(atPath: url.path + "-wal")[.size] as? Int) ?? 0
      guard FileManager.default.fileExists(atPath: url.path), log == 0 else { throw error }
      let name = url.absoluteString
      return try DatabaseQueue(path: "\(name)?immutable=1", configuration: configuration)
    }
  }

  private static func check(_ reader: any DatabaseReader, _ url: URL) throws {
    try reader.read { db in
      guard try !migrator.hasBeenSuperseded(db) else {
        let found = try migrator.appliedIdentifiers(db).compactMap { Int($0) }.max() ?? 0
        throw LifeError.newerFormat(path: url.path, found: found, known: migrator.migrations.count)
      }
    }
  }

  /// Runs `body` in one transaction that only reads.
  func read<Value>(_ body: (Database) throws -> Value) throws -> Value {
    do {
      return try reader.read(body)
    } catch let error as DatabaseError {
      throw Self.translated(error, url)
    }
  }

  /// Runs `body` in one transaction: all of it is there afterwards, and on disk, or nothing.
  ///
  /// - Throws: `LifeError.readOnly` where the directory was opened for reading.
  func write<Value>(_ body: (Database) throws -> Value) throws -> Value {
    guard let writer else { throw LifeError.readOnly(path: url.path) }
    let value: Value
    let end: VersionManifest.AuditEnd?
    do {
      (value, end) = try writer.write { (try body($0), try Self.auditEnd(in: $0)) }
    } catch let error as DatabaseError {
      throw Self.translated(error, url)
    }
    if let end { seal.follow(end) { (try? holds($0)) ?? false } }
    return value
  }

  /// Tells the end of the audit log, which a writer that was killed may have left untold.
  func sealAudit() throws { try write { _ in } }

  /// Leaves nothing of what was deleted: the log is emptied, and the file written anew where it still holds a trace.
  ///
  /// SQLite has overwritten what it deleted; copies of rows that it had moved between pages before may be left. Looking
  /// for them takes a fraction of the time that writing a large file anew does.
  /// - Parameter traces: what must be nowhere; nil writes the file anew in any case.
  func scrub(_ traces: [Data]? = nil) throws {
    try emptyLog()
    if let traces, traces.count <= Self.mostTraces, try !ByteSearch(url).finds(anyOf: traces) { return }
    try withWriter { try $0.vacuum() }
    try emptyLog()
  }

  /// Beyond so many, writing the file anew is faster than looking.
  private static let mostTraces = 24

  /// Moves everything from the log into the file.
  ///
  /// - Throws: `LifeError.unwritable` while somebody reads what is still in the log.
  func emptyLog() throws {
    try withWriter { try $0.writeWithoutTransaction { _ = try $0.checkpoint(.truncate) } }
  }

  /// Writes everything that is there now into a database of its own.
  func copy(to url: URL) throws {
    do {
      try reader.backup(to: DatabaseQueue(path: url.path))
    } catch let error as DatabaseError {
      throw Self.translated(error, url)
    }
  }

  private func withWriter(_ body: (DatabasePool) throws -> Void) throws {
    guard let writer else { throw LifeError.readOnly(path: url.path) }
    do {
      try body(writer)
    } catch let error as DatabaseError {
      throw Self.translated(error, url)
    }
  }

  static func translated(_ error: DatabaseError, _ url: URL) -> LifeError {
    let reason = error.message ?? "\(error.resultCode)"
    switch error.resultCode.primaryResultCode {
    case .SQLITE_FULL: return .unwritable(path: url.path, reason: "the disk is full")
    case .SQLITE_READONLY, .SQLITE_CANTOPEN, .SQLITE_PERM, .SQLITE_AUTH, .SQLITE_BUSY, .SQLITE_LOCKED:
      return .unwritable(path: url.path, reason: reason)
    case .SQLITE_IOERR:
      let isShort = error.extendedResultCode == .SQLITE_IOERR_SHORT_READ
      return isShort
        ? .damagedDatabase(path: url.path, reason: "it is cut short")
        : .unwritable(path: url.path, reason: "\(reason); the disk may be full")
    default: return .damagedDatabase(path: url.path, reason: reason)
    }
  }
}
