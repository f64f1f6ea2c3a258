import Foundation
import GRDB

/// What a look at everything in a model directory has found.
public struct Soundness: Codable, Sendable, Equatable {
  /// Entries of the audit log; the chain is unbroken and reaches every version.
  public let auditEntries: Int
  /// Versions whose files are what was written, and those that are damaged with what is wrong.
  public let whole: [Int]
  public let damaged: [String]
}

extension ModelDirectory {
  /// Follows the chain of the audit log from the first entry, to the entries by which versions were decided on and to the one
  /// that the file `AUDIT` names.
  ///
  /// - Throws: `LifeError.brokenAudit` with the first entry that is not what was written, or is missing;
  ///   `LifeError.shortenedAudit`, `LifeError.cutAudit` where entries were removed at the end.
  @discardableResult
  public func checkAudit() throws -> Int {
    // Manifests and the file first: while somebody writes, the log only grows.
    let sealed = AuditSeal.read(in: url)
    let names = try database.read { try LifeDatabase.versions(in: $0).filter { !$0.isCleared }.map(\.name) }
    let ends = Set(names + [try? store.currentName()].compactMap { $0 }).compactMap { name in
      (try? store.manifest(named: name)).flatMap { manifest in
        manifest.audit.map { (number: manifest.version, end: $0) }
      }
    }
    return try database.checkAudit(ends, sealed: sealed)
  }

  /// Looks at everything: the audit log, and each file of each version that is kept.
  ///
  /// - Throws: as ``checkAudit()``; `LifeError.damagedDatabase`.
  public func check() throws -> Soundness {
    let entries = try checkAudit()
    let rows = try database.read { try LifeDatabase.versions(in: $0).filter { !$0.isCleared } }
    var (whole, damaged): ([Int], [String]) = ([], [])
    for row in rows {
      do {
        let manifest = try store.manifest(named: row.name)
        _ = try store.state(of: manifest)
        try store.checkFiles(of: manifest)
        whole.append(row.number)
      } catch let error as LifeError {
        damaged.append("\(error)")
      }
    }
    return Soundness(auditEntries: entries, whole: whole, damaged: damaged)
  }
}
