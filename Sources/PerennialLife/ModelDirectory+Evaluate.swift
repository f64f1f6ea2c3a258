import Foundation
import GRDB
import Perennial

/// What a version scored on some labelled inputs.
public struct Evaluation: Codable, Sendable, Equatable {
  public let version: Int
  public let accuracy: Double
  public let examples: Int
  /// Right and all inputs by label.
  public let labels: [String: Tally]
  /// Labels of the inputs that the version has never learned.
  public let unknownLabels: [String]
  /// What could not be used.
  public let rejected: [String]
}

extension ModelDirectory {
  /// Scores a version on labelled inputs; nothing is kept of them.
  ///
  /// - Throws: `LifeError.nothingUsable`, what loading the version throws.
  public func evaluate(
    on records: InputRecords, version: Int? = nil, _ modality: any Modality, warn: (String) -> Void = { _ in }
  ) throws -> Evaluation {
    guard !records.inputs.isEmpty else {
      throw LifeError.nothingUsable(file: "the inputs", problems: records.rejected)
    }
    let model = try load(version, modality, warn: warn)
    let said = try model.predict(records.inputs.map(\.payload), top: 1)
    let names = Set(model.manifest.answers)
    // A label that has become part of another is right when the other is answered.
    let known = Dictionary(
      uniqueKeysWithValues: model.manifest.labels.indices.map {
        (model.manifest.labels[$0], model.manifest.labels[model.manifest.resolved($0)])
      })
    var tallies: [String: Tally] = [:]
    for (record, prediction) in zip(records.inputs, said) {
      let label = known[record.label] ?? record.label
      tallies[label, default: Tally()].record(label == prediction.label)
    }
    return Evaluation(
      version: model.manifest.version, accuracy: tallies.values.reduce(Tally(), +).accuracy ?? 0,
      examples: records.inputs.count, labels: tallies,
      unknownLabels: tallies.keys.filter { !names.contains($0) }.sorted(), rejected: records.rejected)
  }

  /// Freezes labelled inputs as a suite by which every later candidate is judged; they are never learned.
  ///
  /// - Throws: `LifeError.nothingUsable`.
  public func freeze(_ records: InputRecords, as suite: String) throws -> Intake {
    guard !records.inputs.isEmpty else {
      throw LifeError.nothingUsable(file: "the inputs", problems: records.rejected)
    }
    return try database.write { db in
      let last = try Int.fetchOne(db, sql: "SELECT max(number) FROM examples") ?? 0
      var intake = try LifeDatabase.take(records, holdout: .ofEachLabel(0), in: db)
      try db.execute(
        sql: """
          UPDATE examples SET role = 1, status = 'learned', suite = ?
          WHERE number > ? AND status = 'pending' AND role = 0
          """, arguments: [suite, last])
      (intake.heldOut, intake.learned) = (db.changesCount, intake.learned - db.changesCount)
      try LifeDatabase.note("freeze", ["examples": intake.heldOut], at: time, in: db)
      return intake
    }
  }
}
