import Foundation
import GRDB
import Perennial

extension ModelDirectory {
  /// Lets another version serve. Where that is an earlier one, what the versions after it learned is set aside: it is not
  /// known to the model any more, and is learned again only where somebody asks for it. On the way forward it is known again.
  ///
  /// The audit log calls the way forward `promote`, to versions that came of the one that serves, and any other `rollback`.
  ///
  /// - Parameters:
  ///   - reason: for the audit log.
  ///   - relearns: makes what was set aside pending, so that the next update learns it.
  /// - Throws: `LifeError.unknownVersion`, `LifeError.clearedVersion`, `LifeError.damagedVersion`: nothing has changed then.
  @discardableResult
  public func rollback(to number: Int, reason: String? = nil, relearns: Bool = false) throws
    -> VersionManifest
  {
    guard isWriting else { throw LifeError.readOnly(path: url.path) }
    let database = try database
    let versions = try database.read { try LifeDatabase.versions(in: $0) }
    let kept = versions.filter { !$0.isCleared }.map(\.number)
    guard let row = versions.first(where: { $0.number == number }) else {
      throw LifeError.unknownVersion(number, kept: kept)
    }
    guard !row.isCleared else { throw LifeError.clearedVersion(number, kept: kept) }
    let manifest = try store.manifest(named: row.name)
    // What cannot be loaded shall not serve.
    _ = try store.state(of: manifest)
    try store.checkFiles(of: manifest)
    let from = VersionStore.number(of: try database.read { try LifeDatabase.fact("current", in: $0) }) ?? 0
    try database.write { db in
      let stays = Set(try LifeDatabase.path(to: number, in: db).map(\.number))
      let event = stays.contains(from) && from != number ? "promote" : "rollback"
      let undone = try LifeDatabase.path(to: from, in: db).map(\.number).filter { !stays.contains($0) }
      for version in undone {
        // What the way to this version has learned too stays learned.
        try db.execute(
          sql: """
            UPDATE examples SET status = ? WHERE status = 'learned' AND role = 0 AND number IN (
              SELECT example FROM lineage WHERE version = ?)
            AND NOT EXISTS (SELECT 1 FROM lineage WHERE example = examples.number AND version IN (
              \(stays.map(String.init).joined(separator: ", "))))
            """, arguments: [relearns ? "pending" : "withdrawn", version])
      }
      // On the way forward again, what was set aside is known again.
      for version in stays {
        try db.execute(
          sql: """
            UPDATE examples SET status = 'learned' WHERE status = 'withdrawn' AND number IN (
              SELECT example FROM lineage WHERE version = ?)
            """, arguments: [version])
      }
      try LifeDatabase.setFact("current", row.name, in: db)
      struct Detail: Encodable {
        let from: Int
        let to: Int
        let reason: String?
      }
      try LifeDatabase.note(event, Detail(from: from, to: number, reason: reason), at: time, in: db)
    }
    try store.point(to: row.name)
    try? FileManager.default.removeItem(at: work)
    return manifest
  }
}
