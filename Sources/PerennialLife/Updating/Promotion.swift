import Foundation
import GRDB
import Perennial
import Torch

/// What becomes a version, and why.
struct Promotion {
  let parent: VersionManifest
  let kind: VersionManifest.Kind
  let configuration: LifeConfiguration
  /// What was learned, and what becomes its suite.
  let training: [StoredExample]
  let heldOut: [StoredExample]
  let labels: LabelTable
  /// Why a person decided against the gate.
  var reason: String?
  /// Whether the version before goes on serving; what was learned is set aside until this one does.
  var isHeldBack = false
  /// Whom the candidate was taught by.
  var teacher: VersionManifest.Origin?
  /// Weights that rest from now on and are not those of the files any more.
  var moved: Set<String> = []

  /// What the audit log tells of it.
  func entry(_ number: Int, _ verdict: Verdict, at time: String, in db: Database) throws -> AuditEntry {
    struct Detail: Encodable {
      let version: Int
      let parent: Int
      let examples: Int
      let passed: Bool
      let failed: [String]
      let reason: String?
      let heldBack: Bool?
      let teacher: VersionManifest.Origin?
    }
    return try LifeDatabase.entry(
      kind == .forced ? "force" : kind.rawValue,
      Detail(
        version: number, parent: parent.version, examples: training.count, passed: verdict.passed,
        failed: verdict.failures.map(\.name), reason: reason, heldBack: isHeldBack ? true : nil,
        teacher: teacher), at: time, in: db)
  }

  /// Tells where the version was learned otherwise than its parent: by the digests of both configurations.
  func tellConfiguration(_ number: Int, at time: String, in db: Database) throws {
    guard configuration.yaml != parent.configuration else { return }
    struct Detail: Encodable {
      let version: Int
      let before: String
      let after: String
    }
    let digests = try [parent.configuration, configuration.yaml].map {
      try Recipe.sha256(of: Data($0.utf8))
    }
    try LifeDatabase.note(
      "configure", Detail(version: number, before: digests[0], after: digests[1]), at: time, in: db)
  }
}

extension ModelDirectory {
  /// Writes a candidate as the next version and lets it serve, unless it is held back.
  ///
  /// Blobs and manifest come first, then one transaction that decides, then `CURRENT`: killed before the transaction,
  /// nothing has happened; killed after it, the next writer flips `CURRENT`.
  func promote(_ promotion: Promotion, _ candidate: Training.Candidate, _ judged: Judgement.Result) throws
    -> Int
  {
    let database = try database
    let parent = promotion.parent
    let (number, entry) = try database.read { db in
      let number = (try Int.fetchOne(db, sql: "SELECT max(number) FROM versions") ?? 0) + 1
      return (number, try promotion.entry(number, judged.verdict, at: time, in: db))
    }
    let model = candidate.learner.model
    let frozen = model.frozenPaths
    var manifest = VersionManifest(
      version: number, parent: parent.version, kind: promotion.kind, created: time,
      labels: promotion.labels.names, merged: promotion.labels.merged,
      configuration: promotion.configuration.yaml, examples: parent.examples + promotion.training.count,
      newExamples: promotion.training.count, parameters: model.parameterCount,
      accuracy: judged.verdict.after, program: Version.current, files: parent.files,
      fromFiles: parent.fromFiles.filter { frozen.contains($0) && !promotion.moved.contains($0) }, blobs: [:])
    (manifest.audit, manifest.teacher) = (
      VersionManifest.AuditEnd(entry), promotion.teacher ?? parent.teacher
    )
    let written = try store.write(manifest, candidate.state())
    let (name, cleared) = try database.write { db in
      var (name, manifest, entry) = (written.name, written.manifest, entry)
      if try LifeDatabase.auditEnd(in: db)?.sequence ?? 0 != entry.sequence - 1 {
        // Somebody has told the log something meanwhile: the same blobs, and another entry.
        entry = try promotion.entry(number, judged.verdict, at: time, in: db)
        manifest.audit = VersionManifest.AuditEnd(entry)
        name = try store.write(manifest)
      }
      try LifeDatabase.insert(manifest, name: name, in: db)
      try record(promotion, number, judged, seconds: candidate.seconds, in: db)
      try LifeDatabase.append(entry, in: db)
      try promotion.tellConfiguration(number, at: time, in: db)
      if !promotion.isHeldBack { try LifeDatabase.setFact("current", name, in: db) }
      let cleared = try LifeDatabase.clearOld(
        keeping: promotion.configuration.options.keep,
        current: promotion.isHeldBack ? parent.version : number, in: db)
      return (name, cleared)
    }
    if !promotion.isHeldBack { try store.point(to: name) }
    try? FileManager.default.removeItem(at: work)
    try store.collectGarbage(keeping: cleared)
    return number
  }

  private func record(
    _ promotion: Promotion, _ number: Int, _ judged: Judgement.Result, seconds: Double, in db: Database
  ) throws {
    let lineage = try db.makeStatement(sql: "INSERT INTO lineage (example, version, label) VALUES (?, ?, ?)")
    let status = try db.makeStatement(sql: "UPDATE examples SET status = ? WHERE number = ?")
    for example in promotion.training {
      try lineage.execute(arguments: [example.number, number, example.label])
      try status.execute(arguments: [promotion.isHeldBack ? "withdrawn" : "learned", example.number])
    }
    let suite = try db.makeStatement(
      sql: "UPDATE examples SET status = 'learned', suite = coalesce(suite, ?) WHERE number = ?")
    for example in promotion.heldOut { try suite.execute(arguments: ["\(number)", example.number]) }
    try judged.write(version: number, in: db)
    try LifeDatabase.noteUpdate(
      parent: promotion.parent.version, version: number, outcome: promotion.kind.rawValue,
      examples: promotion.training.count, seconds: seconds, judged.verdict, at: time, in: db)
  }

  /// The gate said no: the version before serves, and the examples wait until somebody asks for them again.
  func refuse(parent: Int, _ verdict: Verdict, _ material: Update.Material, seconds: Double) throws {
    try database.write { db in
      let refused = try db.makeStatement(sql: "UPDATE examples SET status = 'refused' WHERE number = ?")
      for example in material.training + material.heldOut {
        try refused.execute(arguments: [example.number])
      }
      try LifeDatabase.noteUpdate(
        parent: parent, version: nil, outcome: "refused", examples: material.training.count,
        seconds: seconds, verdict, at: time, in: db)
      struct Detail: Encodable {
        let parent: Int
        let examples: Int
        let failed: [String]
      }
      try LifeDatabase.note(
        "refuse",
        Detail(parent: parent, examples: material.training.count, failed: verdict.failures.map(\.name)),
        at: time, in: db)
    }
    try? FileManager.default.removeItem(at: work)
  }
}

extension LifeDatabase {
  static func noteUpdate(
    parent: Int, version: Int?, outcome: String, examples: Int, seconds: Double, _ verdict: Verdict,
    at time: String, in db: Database
  ) throws {
    try db.execute(
      sql: """
        INSERT INTO updates (time, parent, version, outcome, examples, seconds, verdict)
        VALUES (?, ?, ?, ?, ?, ?, ?)
        """,
      arguments: [
        time, parent, version, outcome, examples, seconds, try OrderedJSON.text(verdict, .compact),
      ])
  }

  /// Marks the oldest versions as cleared away: all but the first, the newest ones, and the one that serves with its
  /// parent.
  ///
  /// - Returns: the names of the manifests that stay.
  static func clearOld(keeping count: Int, current: Int, in db: Database) throws -> Set<String> {
    let kept = try versions(in: db).filter { !$0.isCleared }
    let parent = kept.first { $0.number == current }?.parent
    let newest = Set(kept.suffix(count).map(\.number))
    for version in kept
    where version.number != 0 && version.number != current && version.number != parent
      && !newest.contains(version.number)
    {
      try clear(version.number, in: db)
    }
    return Set(try versions(in: db).filter { !$0.isCleared }.map(\.name))
  }

  /// Marks a version as cleared away, and forgets its answers; its scores stay.
  static func clear(_ number: Int, in db: Database) throws {
    try db.execute(sql: "UPDATE versions SET is_cleared = 1 WHERE number = ?", arguments: [number])
    try db.execute(sql: "DELETE FROM answers WHERE version = ?", arguments: [number])
  }
}
