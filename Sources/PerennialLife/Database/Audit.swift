import Foundation
import GRDB
import Perennial

/// One entry of the audit log: what happened, chained to the entry before by its digest.
///
/// No input, label or identifier stands in it: numbers, and reasons that people gave.
public struct AuditEntry: Codable, Sendable, Equatable {
  /// Counted from 1.
  public let sequence: Int
  /// ISO 8601, by the clock of the machine, which may be wrong: the order is that of `sequence`.
  public let time: String
  /// `init`, `take`, `learn`, `refuse`, `force`, `promote`, `rollback`, `forget`, `rebuild`, `merge`, `configure`, `freeze`;
  /// of a server `pause`, `resume`, `try`, `fail`.
  public let event: String
  /// JSON.
  public let detail: String
  /// The digest of the entry before; empty for the first.
  public let previous: String
  public let digest: String

  static func digest(_ previous: String, _ sequence: Int, _ time: String, _ event: String, _ detail: String)
    throws -> String
  {
    try Recipe.sha256(of: Data([previous, "\(sequence)", time, event, detail].joined(separator: "\n").utf8))
  }
}

extension AuditEntry: FetchableRecord {}

extension LifeDatabase {
  /// Adds an entry in the transaction of what it tells of.
  static func note(_ event: String, _ detail: some Encodable, at time: String, in db: Database) throws {
    try append(entry(event, detail, at: time, in: db), in: db)
  }

  /// What the next entry will be, so that others can say that it must be there.
  static func entry(_ event: String, _ detail: some Encodable, at time: String, in db: Database) throws
    -> AuditEntry
  {
    let last = try auditEnd(in: db)
    let sequence = (last?.sequence ?? 0) + 1
    let text = try OrderedJSON.text(detail, .compact)
    let previous = last?.digest ?? ""
    return AuditEntry(
      sequence: sequence, time: time, event: event, detail: text, previous: previous,
      digest: try AuditEntry.digest(previous, sequence, time, event, text))
  }

  /// The last entry.
  static func auditEnd(in db: Database) throws -> VersionManifest.AuditEnd? {
    try AuditEntry.fetchOne(db, sql: "SELECT * FROM audit ORDER BY sequence DESC LIMIT 1").map {
      VersionManifest.AuditEnd($0)
    }
  }

  /// Whether there is such an entry.
  func holds(_ end: VersionManifest.AuditEnd) throws -> Bool {
    try read {
      try String.fetchOne($0, sql: "SELECT digest FROM audit WHERE sequence = ?", arguments: [end.sequence])
    } == end.digest
  }

  static func append(_ entry: AuditEntry, in db: Database) throws {
    try db.execute(
      sql: "INSERT INTO audit VALUES (?, ?, ?, ?, ?, ?)",
      arguments: [entry.sequence, entry.time, entry.event, entry.detail, entry.previous, entry.digest])
  }

  /// The newest entries, the last one last.
  func audit(limit: Int = .max) throws -> [AuditEntry] {
    try read {
      try AuditEntry.fetchAll(
        $0, sql: "SELECT * FROM audit ORDER BY sequence DESC LIMIT ?", arguments: [limit]
      ).reversed()
    }
  }

  /// Follows the chain from the first entry.
  ///
  /// - Parameters:
  ///   - versions: what versions say the log held when they were decided on.
  ///   - sealed: what the file `AUDIT` says.
  /// - Returns: how many entries there are.
  /// - Throws: `LifeError.brokenAudit` with the first entry that is not what was written, or is missing;
  ///   `LifeError.shortenedAudit`, `LifeError.cutAudit` where the newest were removed.
  @discardableResult
  func checkAudit(
    _ versions: [(number: Int, end: VersionManifest.AuditEnd)] = [],
    sealed: VersionManifest.AuditEnd? = nil
  ) throws -> Int {
    let ends = Dictionary(grouping: versions) { $0.end.sequence }
    return try read { db in
      var (previous, sequence) = ("", 0)
      let entries = try AuditEntry.fetchCursor(db, sql: "SELECT * FROM audit ORDER BY sequence")
      while let entry = try entries.next() {
        sequence += 1
        guard entry.sequence == sequence, entry.previous == previous,
          try entry.digest
            == AuditEntry.digest(previous, sequence, entry.time, entry.event, entry.detail)
        else { throw LifeError.brokenAudit(sequence: sequence) }
        // A chain that somebody wrote anew is whole, and another one.
        guard ends[sequence]?.allSatisfy({ $0.end.digest == entry.digest }) ?? true,
          sealed?.sequence != sequence || sealed?.digest == entry.digest
        else {
          throw LifeError.brokenAudit(sequence: sequence)
        }
        previous = entry.digest
      }
      if let missing = versions.filter({ $0.end.sequence > sequence }).min(by: { $0.number < $1.number }) {
        throw LifeError.shortenedAudit(
          last: sequence, version: missing.number, sequence: missing.end.sequence)
      }
      if let sealed, sealed.sequence > sequence {
        throw LifeError.cutAudit(last: sequence, sequence: sealed.sequence)
      }
      return sequence
    }
  }
}
