import Crypto
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
  /// `init`, `learn`, `refuse`, `promote`, `force`, `rollback`, `forget`, `rebuild`, `merge`, `configure` …
  public let event: String
  /// JSON.
  public let detail: String
  /// The digest of the entry before; empty for the first.
  public let previous: String
  public let digest: String

  static func digest(_ previous: String, _ sequence: Int, _ time: String, _ event: String, _ detail: String)
    -> String
  {
    Recipe.sha256(of: Data([previous, "\(sequence)", time, event, detail].joined(separator: "\n").utf8))
  }
}

extension AuditEntry: FetchableRecord {}

extension LifeDatabase {
  /// Adds an entry in the transaction of what it tells of.
  static func note(_ event: String, _ detail: some Encodable, at time: String, in db: Database) throws {
    let last = try AuditEntry.fetchOne(db, sql: "SELECT * FROM audit ORDER BY sequence DESC LIMIT 1")
    let sequence = (last?.sequence ?? 0) + 1
    let text = try OrderedJSON.text(detail, .compact)
    let previous = last?.digest ?? ""
    try db.execute(
      sql: "INSERT INTO audit VALUES (?, ?, ?, ?, ?, ?)",
      arguments: [
        sequence, time, event, text, previous, AuditEntry.digest(previous, sequence, time, event, text),
      ])
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
  /// - Throws: `LifeError.brokenAudit` with the first entry that is not what was written, or is missing.
  func checkAudit() throws {
    try read { db in
      var (previous, sequence) = ("", 0)
      let entries = try AuditEntry.fetchCursor(db, sql: "SELECT * FROM audit ORDER BY sequence")
      while let entry = try entries.next() {
        sequence += 1
        guard entry.sequence == sequence, entry.previous == previous,
          entry.digest
            == AuditEntry.digest(previous, sequence, entry.time, entry.event, entry.detail)
        else { throw LifeError.brokenAudit(sequence: sequence) }
        previous = entry.digest
      }
    }
  }
}
