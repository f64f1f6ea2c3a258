import Foundation
import GRDB
import Perennial

/// A version as the history tells of it, whether or not its files are still here.
public struct VersionRecord: Codable, Sendable, Equatable {
  public let number: Int
  public let parent: Int?
  public let kind: VersionManifest.Kind
  public let created: String
  /// Inputs learned by this version, of those that are still known.
  public let examples: Int
  /// Whether its files were cleared away.
  public let isCleared: Bool
}

extension LifeDatabase {
  struct VersionRow: FetchableRecord, Decodable {
    let number: Int
    let name: String
    let parent: Int?
    let kind: VersionManifest.Kind
    let created: String
    let examples: Int
    let isCleared: Bool
    /// Whether it has seen what was to be forgotten.
    let isTainted: Bool

    enum CodingKeys: String, CodingKey {
      case number, name, parent, kind, created, examples
      case isCleared = "is_cleared"
      case isTainted = "is_tainted"
    }
  }

  static func insert(_ manifest: VersionManifest, name: String, in db: Database) throws {
    try db.execute(
      sql: "INSERT INTO versions (number, name, parent, kind, created, examples) VALUES (?, ?, ?, ?, ?, ?)",
      arguments: [
        manifest.version, name, manifest.parent, manifest.kind.rawValue, manifest.created,
        manifest.newExamples,
      ])
  }

  /// All versions that there have been, in the order of their numbers.
  static func versions(in db: Database) throws -> [VersionRow] {
    try VersionRow.fetchAll(db, sql: "SELECT * FROM versions ORDER BY number")
  }

  /// The versions on the way to one, from the first, that one included.
  static func path(to number: Int, in db: Database) throws -> [VersionRow] {
    let all = Dictionary(uniqueKeysWithValues: try versions(in: db).map { ($0.number, $0) })
    var path: [VersionRow] = []
    var next: Int? = number
    while let number = next, let row = all[number], path.count <= all.count {
      path.append(row)
      next = row.parent
    }
    return path.reversed()
  }
}
