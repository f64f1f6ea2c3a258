import Digests
import Foundation
import GRDB
import Perennial
import Torch

/// Where a version comes from: what was learned on the way to it, how it was judged, what it scored.
public struct Provenance: Codable, Sendable, Equatable {
  /// A version on the way.
  public struct Step: Codable, Sendable, Equatable {
    public let version: Int
    public let kind: VersionManifest.Kind
    public let created: String
    /// Inputs that it learned, and how many of them are still known.
    public let learned: Int
    public let known: Int
    /// SHA-256 of what is still known: lines of the SHA-256 of each input and the number of its label, in ascending order.
    public let sha256: String
  }

  /// From the first version to this one.
  public let steps: [Step]
  /// Suites, and what the versions on the way scored on them.
  public let suites: [String]
  public let matrix: [History.Row]
  /// How the gate judged the version; nil for the untrained one.
  public let verdict: Verdict?
}

extension ModelDirectory {
  /// Where a version that is kept comes from.
  ///
  /// - Throws: `LifeError.unknownVersion`.
  public func provenance(of number: Int) throws -> Provenance {
    let history = try history()
    return try database.read { db in
      let path = try LifeDatabase.path(to: number, in: db)
      guard !path.isEmpty else {
        throw LifeError.unknownVersion(number, kept: history.versions.filter { !$0.isCleared }.map(\.number))
      }
      let numbers = Set(path.map(\.number))
      let matrix = history.matrix.filter { numbers.contains($0.version) }
      // Suites that none of these was asked about are of other ways.
      let asked = history.suites.indices.filter { place in matrix.contains { $0.accuracies[place] != nil } }
      return Provenance(
        steps: try path.map { try Self.step($0, in: db) }, suites: asked.map { history.suites[$0] },
        matrix: matrix.map { row in
          History.Row(version: row.version, accuracies: asked.map { row.accuracies[$0] })
        }, verdict: history.attempts.last { $0.version == number }?.verdict)
    }
  }

  private static func step(_ version: LifeDatabase.VersionRow, in db: Database) throws -> Provenance.Step {
    let digester = try Digester.sha256()
    var known = 0
    let rows = try Row.fetchCursor(
      db,
      sql: """
        SELECT examples.digest, lineage.label FROM lineage JOIN examples ON examples.number = lineage.example
        WHERE lineage.version = ? ORDER BY examples.digest
        """, arguments: [version.number])
    while let row = try rows.next() {
      let digest: Data = row["digest"]
      try digester.update(Data("\(digest.hex) \(row["label"] as Int)\n".utf8))
      known += 1
    }
    return Provenance.Step(
      version: version.number, kind: version.kind, created: version.created, learned: version.examples,
      known: known,
      sha256: try digester.finish().hex)
  }

  /// Inputs that a version has learned, and inputs that were held out, with the labels that they have by now; those of labels
  /// that the version does not know are left out. Which ones follows from their content.
  ///
  /// - Parameters:
  ///   - learned: at most so many that were learned.
  ///   - heldOut: at most so many that were not.
  public func samples(for model: LivingModel, learned: Int, heldOut: Int) throws -> (
    learned: Examples, heldOut: Examples
  ) {
    let known = Set(model.outputs.labels)
    func examples(_ rows: [StoredExample]) throws -> Examples {
      let chosen = rows.filter { known.contains(model.manifest.resolved($0.label)) }
      return try Examples(
        inputs: model.inputs.rows(chosen.map(\.payload)),
        targets: Tensor(chosen.map { model.manifest.resolved($0.label) }),
        identifiers: Tensor(chosen.map(\.number)))
    }
    let found = try database.read { db in
      let path = try LifeDatabase.path(to: model.manifest.version, in: db).map { "\($0.number)" }
      return (
        try StoredExample.fetchAll(
          db,
          sql: """
            SELECT * FROM examples WHERE role = 0 AND EXISTS (
              SELECT 1 FROM lineage WHERE example = number AND version IN (\(path.joined(separator: ", "))))
            ORDER BY digest LIMIT ?
            """, arguments: [learned]),
        try StoredExample.fetchAll(
          db, sql: "SELECT * FROM examples WHERE role = 1 AND suite IS NOT NULL ORDER BY digest LIMIT ?",
          arguments: [heldOut])
      )
    }
    return (try examples(found.0), try examples(found.1))
  }
}
