import Foundation
import GRDB

extension LifeDatabase {
  /// Takes over what another directory knows of its data: labels, examples with what has become of them, suites, and what
  /// was forgotten on purpose. Versions, what was served, and the audit log stay there.
  ///
  /// Suites of the teacher's versions are called after the teacher: numbers will be those of the student's own.
  func takeOver(_ other: LifeDatabase) throws {
    try other.read { source in
      try write { db in
        for row in try Row.fetchAll(source, sql: "SELECT number, name, merged FROM labels ORDER BY number") {
          try Self.insert("labels", ["number", "name", "merged"], row, in: db)
        }
        for row in try Row.fetchAll(source, sql: "SELECT digest, time FROM tombstones") {
          try Self.insert("tombstones", ["digest", "time"], row, in: db)
        }
        try Self.setFact("salt", Self.fact("salt", in: source), in: db)
        let columns = [
          "number", "identifier", "digest", "payload", "label", "time", "role", "status", "suite",
        ]
        let insert = try db.makeStatement(sql: Self.insertion("examples", columns))
        let rows = try Row.fetchCursor(
          source, sql: "SELECT \(columns.joined(separator: ", ")) FROM examples ORDER BY number")
        while let row = try rows.next() {
          try insert.execute(arguments: StatementArguments(row.databaseValues))
        }
        try db.execute(
          sql:
            "UPDATE examples SET suite = 'teacher ' || suite WHERE suite IS NOT NULL AND suite NOT GLOB '*[^0-9]*'"
        )
      }
    }
  }

  private static func insertion(_ table: String, _ columns: [String]) -> String {
    let marks = columns.map { _ in "?" }.joined(separator: ", ")
    return "INSERT INTO \(table) (\(columns.joined(separator: ", "))) VALUES (\(marks))"
  }

  private static func insert(_ table: String, _ columns: [String], _ row: Row, in db: Database) throws {
    try db.execute(sql: insertion(table, columns), arguments: StatementArguments(row.databaseValues))
  }
}
