import Foundation
import GRDB
import Perennial

/// A prediction that was given to somebody, so that its label can be told later.
public struct ServedPrediction: Sendable {
  /// Unique for ever, such as a UUID.
  public let identifier: String
  /// The version that was asked.
  public let version: Int
  /// The input; nil where it shall not be kept, in which case feedback is scored and not learned.
  public let payload: Data?
  public let label: String
  public let probability: Double

  public init(identifier: String, version: Int, payload: Data?, label: String, probability: Double) {
    (self.identifier, self.version, self.payload) = (identifier, version, payload)
    (self.label, self.probability) = (label, probability)
  }
}

/// The true label of a prediction that was served.
public struct ServedLabel: Sendable {
  public let prediction: String
  public let label: String
  /// What a candidate on trial would have said, where one was asked.
  public let shadow: String?

  public init(prediction: String, label: String, shadow: String? = nil) {
    (self.prediction, self.label, self.shadow) = (prediction, label, shadow)
  }
}

/// A prediction that was served, and its truth.
public struct JudgedPrediction: Sendable, Equatable {
  /// Counted from 1 in the order in which labels came.
  public let sequence: Int
  public let version: Int
  public let label: String
  public let truth: String
  /// What a candidate on trial would have said, where one was asked.
  public let shadow: String?
  /// When the label came, by the clock of the machine.
  public let time: Date

  public init(sequence: Int, version: Int, label: String, truth: String, shadow: String?, time: Date) {
    (self.sequence, self.version, self.label) = (sequence, version, label)
    (self.truth, self.shadow, self.time) = (truth, shadow, time)
  }
}

/// A prediction that was given to somebody, as it is remembered.
public struct RememberedPrediction: Sendable, Equatable {
  public let identifier: String
  /// The version that was asked, and what it said.
  public let version: Int
  public let label: String
  public let probability: Double
  /// Whether its label was told.
  public let hasFeedback: Bool
}

/// What feedback has led to.
public struct FeedbackOutcome: Codable, Sendable, Equatable {
  /// Whether the prediction that was served was right.
  public let isCorrect: Bool
  /// The version that served it, and what it said.
  public let version: Int
  public let label: String
  /// Whether the input waits for the next update.
  public let isPending: Bool
  /// Its place in the order in which labels came, from 1.
  public let sequence: Int
}

extension ModelDirectory {
  /// Remembers what was served, in one transaction: once this returns, feedback for it can be taken. What is remembered
  /// already stays as it is.
  public func record(_ served: [ServedPrediction]) throws {
    try database.write { try Self.insert(served, at: time, in: $0) }
  }

  private static func insert(_ served: [ServedPrediction], at time: String, in db: Database) throws {
    let insert = try db.makeStatement(
      sql: """
        INSERT INTO served (identifier, time, version, payload, digest, label, probability)
        VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT (identifier) DO NOTHING
        """)
    for one in served {
      try insert.execute(arguments: [
        one.identifier, time, one.version, one.payload, one.payload.map(LifeDatabase.digest), one.label,
        one.probability,
      ])
    }
  }

  /// What was served under these identifiers, as far as it is remembered.
  public func recall(_ identifiers: [String]) throws -> [RememberedPrediction] {
    try database.read { db in
      try identifiers.compactMap { identifier in
        try Row.fetchOne(
          db, sql: "SELECT version, label, probability, told FROM served WHERE identifier = ?",
          arguments: [identifier]
        ).map { row in
          RememberedPrediction(
            identifier: identifier, version: row["version"], label: row["label"],
            probability: row["probability"], hasFeedback: (row["told"] as String?) != nil)
        }
      }
    }
  }

  /// Takes the true labels of predictions that were served, in one transaction: once this returns they are on disk.
  ///
  /// Each is scored against the prediction actually served; its input, where it was kept, waits for the next update. The
  /// same feedback again changes nothing; another label for the same prediction corrects it.
  /// - Parameters:
  ///   - served: predictions that may not have been remembered yet.
  /// - Returns: for each what has become of it, nil for a prediction that is not known.
  @discardableResult
  public func record(_ served: [ServedPrediction] = [], feedback: [ServedLabel]) throws -> [FeedbackOutcome?]
  {
    let holdout = try configuration().options.holdout
    return try database.write { db in
      try Self.insert(served, at: time, in: db)
      var last = Int(try LifeDatabase.fact(Self.judgedFact, in: db)) ?? 0
      defer { try? LifeDatabase.setFact(Self.judgedFact, "\(last)", in: db) }
      return try feedback.map { feedback in
        let (prediction, truth) = (feedback.prediction, feedback.label)
        guard
          let row = try Row.fetchOne(
            db, sql: "SELECT * FROM served WHERE identifier = ?", arguments: [prediction])
        else { return nil }
        let (label, version): (String, Int) = (row["label"], row["version"])
        let payload: Data? = row["payload"]
        if let payload {
          let input = LabeledInput(payload: payload, label: truth, identifier: prediction, origin: "feedback")
          _ = try LifeDatabase.take(
            InputRecords(inputs: [input]), holdout: .oneByOne(holdout), in: db)
        }
        let example = try payload.flatMap { payload in
          try Int.fetchOne(
            db, sql: "SELECT number FROM examples WHERE digest = ?",
            arguments: [try LifeDatabase.digest(payload)])
        }
        let sequence = row["judged"] as Int? ?? last + 1
        last = max(last, sequence)
        try db.execute(
          sql: """
            UPDATE served SET truth = ?, told = ?, is_correct = ?, example = ?, payload = NULL, digest = NULL,
              shadow = coalesce(?, shadow), judged = ?
            WHERE identifier = ?
            """, arguments: [truth, time, truth == label, example, feedback.shadow, sequence, prediction])
        return FeedbackOutcome(
          isCorrect: truth == label, version: version, label: label, isPending: example != nil,
          sequence: sequence)
      }
    }
  }

  /// The latest predictions whose labels came, in the order in which they did.
  public func judged(latest count: Int) throws -> [JudgedPrediction] {
    try database.read { db in
      let rows = try Row.fetchCursor(
        db,
        sql: """
          SELECT judged, version, label, truth, shadow, told FROM served
          WHERE judged IS NOT NULL ORDER BY judged DESC LIMIT ?
          """, arguments: [count])
      var latest: [JudgedPrediction] = []
      while let row = try rows.next() {
        latest.append(
          JudgedPrediction(
            sequence: row["judged"], version: row["version"], label: row["label"], truth: row["truth"],
            shadow: row["shadow"], time: (try? Date(row["told"], strategy: .iso8601)) ?? .distantPast))
      }
      return latest.reversed()
    }
  }

  /// What the one who serves has to know when it is started anew, as it wrote it; nil where there is nothing.
  public func standing() throws -> Data? {
    let text = try database.read { try LifeDatabase.fact(Self.standingFact, in: $0) }
    return text.isEmpty ? nil : Data(text.utf8)
  }

  /// Keeps what the one who serves has to know when it is started anew, and what the audit log shall tell of it.
  public func keep(standing: Data, telling event: ServingEvent? = nil) throws {
    try database.write { db in
      try LifeDatabase.setFact(Self.standingFact, String(decoding: standing, as: UTF8.self), in: db)
      if let event { try LifeDatabase.note(event.name, event, at: time, in: db) }
    }
  }

  private static let standingFact = "standing"
  private static let judgedFact = "judged"

  /// Forgets predictions that were served longest ago and that nobody has told the label of, all but so many.
  ///
  /// - Returns: how many went.
  public func dropServed(keeping count: Int) throws -> Int {
    try database.write { db in
      try db.execute(
        sql: """
          DELETE FROM served WHERE told IS NULL AND number <= (
            SELECT number FROM served ORDER BY number DESC LIMIT 1 OFFSET ?)
          """, arguments: [count])
      return db.changesCount
    }
  }

  /// Right answers among all predictions that a version served and whose labels were told.
  public func servedAccuracy(of version: Int) throws -> Tally {
    try database.read { db in
      let row = try Row.fetchOne(
        db,
        sql:
          "SELECT sum(is_correct) AS correct, count(*) AS total FROM served WHERE told IS NOT NULL AND version = ?",
        arguments: [version])
      return Tally(correct: row?["correct"] ?? 0, total: row?["total"] ?? 0)
    }
  }

  /// How many examples of each label the memories of a version hold, the one that serves where no number is given.
  ///
  /// - Throws: `LifeError.unknownVersion`, `LifeError.damagedVersion`.
  public func memoryByLabel(of version: Int? = nil) throws -> [String: Int] {
    let manifest = try version.map(store.manifest) ?? store.current()
    let kept = try store.state(of: manifest, parts: [VersionManifest.stateBlob]).remembered()
    guard !kept.isEmpty else { return [:] }
    return try database.read { db in
      let labels = try LifeDatabase.labels(in: db)
      let label = try db.makeStatement(sql: "SELECT label FROM examples WHERE number = ?")
      return try kept.reduce(into: [:]) { counts, number in
        guard let found = try Int.fetchOne(label, arguments: [number]) else { return }
        counts[labels.names[labels.resolved(found)], default: 0] += 1
      }
    }
  }

  /// How many examples of each label were learned and are still known.
  public func examplesByLabel() throws -> [String: Int] {
    try database.read { db in
      let labels = try LifeDatabase.labels(in: db)
      let rows = try Row.fetchAll(
        db,
        sql:
          "SELECT label, count(*) AS count FROM examples WHERE role = 0 AND status = 'learned' GROUP BY label"
      )
      return rows.reduce(into: [:]) { counts, row in
        counts[labels.names[labels.resolved(row["label"])], default: 0] += row["count"] as Int
      }
    }
  }
}
