import Foundation
import GRDB

/// An example as the database keeps it.
struct StoredExample: FetchableRecord, Decodable, Sendable {
  /// What `Examples.identifiers` and replay memories call it.
  let number: Int
  let identifier: String
  let digest: Data
  let payload: Data
  let label: Int
  let role: Role
  let suite: String?

  enum Role: Int, Codable, DatabaseValueConvertible, Sendable { case train, holdout }

  /// What has become of an example.
  enum Status: String, Codable, DatabaseValueConvertible, Sendable {
    /// Not learned yet.
    case pending
    /// Part of a version, or of a suite.
    case learned
    /// Part of an update that the gate refused.
    case refused
    /// Part of versions that were rolled back.
    case withdrawn
  }
}

extension LifeDatabase {
  /// Examples of a role and status, in the order of their arrival.
  static func examples(
    _ role: StoredExample.Role, _ statuses: [StoredExample.Status], in db: Database
  ) throws -> [StoredExample] {
    let marks = statuses.map { _ in "?" }.joined(separator: ", ")
    return try StoredExample.fetchAll(
      db, sql: "SELECT * FROM examples WHERE role = ? AND status IN (\(marks)) ORDER BY number",
      arguments: StatementArguments([role.databaseValue] + statuses.map(\.databaseValue)))
  }

  /// The examples that a version learned, those that were forgotten since left out.
  func examples(learnedBy version: Int) throws -> [StoredExample] {
    try read {
      try StoredExample.fetchAll(
        $0,
        sql: """
          SELECT examples.* FROM lineage JOIN examples ON examples.number = lineage.example
          WHERE lineage.version = ? ORDER BY examples.number
          """, arguments: [version])
    }
  }

  /// The examples of these numbers, by number, those that were forgotten since left out.
  func examples(numbered numbers: Set<Int>) throws -> [Int: StoredExample] {
    let list = numbers.sorted().map(String.init).joined(separator: ", ")
    let rows = try read {
      try StoredExample.fetchAll($0, sql: "SELECT * FROM examples WHERE number IN (\(list))")
    }
    return Dictionary(uniqueKeysWithValues: rows.map { ($0.number, $0) })
  }

  /// The numbers of the labels by name, merged ones standing for what they have become.
  static func labels(in db: Database) throws -> LabelTable {
    LabelTable(try LabelTable.Row.fetchAll(db, sql: "SELECT * FROM labels ORDER BY number"))
  }
}

/// The labels of a model directory: each has a number for ever.
struct LabelTable {
  struct Row: FetchableRecord, Decodable {
    let number: Int
    let name: String
    let merged: Int?
  }

  private(set) var names: [String] = []
  private(set) var merged: [Int: Int] = [:]
  private var numbers: [String: Int] = [:]

  init(_ rows: [Row] = []) {
    for row in rows {
      numbers[row.name] = row.number
      names.append(row.name)
      if let target = row.merged { merged[row.number] = target }
    }
  }

  /// The number that examples of this name get.
  func number(_ name: String) -> Int? { numbers[name].map(resolved) }

  func resolved(_ number: Int) -> Int {
    var number = number
    while let target = merged[number], target != number { number = target }
    return number
  }

  /// The number of a name, a new one where there is none.
  mutating func admit(_ name: String) -> (number: Int, isNew: Bool) {
    if let known = number(name) { return (known, false) }
    names.append(name)
    numbers[name] = names.count - 1
    return (names.count - 1, true)
  }

  /// The names that an example can have.
  var current: [String] { names.indices.filter { merged[$0] == nil }.map { names[$0] } }
}
