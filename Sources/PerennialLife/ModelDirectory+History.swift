import Foundation
import GRDB
import Perennial

/// What has become of a model: its versions, every attempt to change it, and what each version scored.
public struct History: Codable, Sendable, Equatable {
  /// An update, whether its candidate served or not.
  public struct Attempt: Codable, Sendable, Equatable {
    public let time: String
    public let parent: Int
    /// The version that came of it; nil where the gate refused.
    public let version: Int?
    /// `learn`, `forced`, `rebuild`, `import` or `refused`.
    public let outcome: String
    public let examples: Int
    public let seconds: Double
    public let verdict: Verdict?
  }

  /// A row of the accuracy matrix: what a version scored on each suite, nil on those that it was not asked about.
  public struct Row: Codable, Sendable, Equatable {
    public let version: Int
    public let accuracies: [Double?]
  }

  /// The version that serves.
  public let current: Int
  public let versions: [VersionRecord]
  public let attempts: [Attempt]
  /// The suites in the order in which they were frozen, and the matrix over versions.
  public let suites: [String]
  public let matrix: [Row]
  /// Right answers by label, of the version that serves and of the one that first was asked.
  public let labels: [LabelScore]
  /// Examples by what they are: learned, held out, pending, refused, withdrawn.
  public let counts: [String: Int]

  /// How a label fared then and now.
  public struct LabelScore: Codable, Sendable, Equatable {
    public let label: String
    public let first: Double?
    public let now: Double?
    /// Inputs learned.
    public let examples: Int
  }
}

extension ModelDirectory {
  /// The history; none of the inputs is read for it.
  public func history() throws -> History {
    let current = VersionStore.number(of: try store.currentName()) ?? 0
    return try database.read { db in
      let labels = try LifeDatabase.labels(in: db)
      let versions = try LifeDatabase.versions(in: db)
      let scores = try Score.fetchAll(
        db,
        sql: """
          SELECT version, suite, sum(correct) AS correct, sum(total) AS total FROM scores
          GROUP BY version, suite
          """)
      let suites = try String.fetchAll(
        db, sql: "SELECT suite FROM scores GROUP BY suite ORDER BY min(version), suite")
      return History(
        current: current,
        versions: versions.map {
          VersionRecord(
            number: $0.number, parent: $0.parent, kind: $0.kind, created: $0.created,
            examples: $0.examples, isCleared: $0.isCleared)
        }, attempts: try Self.attempts(db), suites: suites,
        matrix: Self.matrix(scores, suites), labels: try Self.labelScores(current, labels, db),
        counts: try Self.counts(db))
    }
  }

  private struct Score: FetchableRecord, Decodable {
    let version: Int
    let suite: String
    let correct: Int
    let total: Int
  }

  private static func matrix(_ scores: [Score], _ suites: [String]) -> [History.Row] {
    Dictionary(grouping: scores, by: \.version).sorted { $0.key < $1.key }.map { version, own in
      let shares = Dictionary(own.map { ($0.suite, Double($0.correct) / Double(max($0.total, 1))) }) { $1 }
      return History.Row(version: version, accuracies: suites.map { shares[$0] })
    }
  }

  private static func attempts(_ db: Database) throws -> [History.Attempt] {
    try Row.fetchAll(db, sql: "SELECT * FROM updates ORDER BY number").map { row in
      let verdict: String? = row["verdict"]
      return History.Attempt(
        time: row["time"], parent: row["parent"], version: row["version"], outcome: row["outcome"],
        examples: row["examples"], seconds: row["seconds"],
        verdict: verdict.flatMap { try? JSONDecoder().decode(Verdict.self, from: Data($0.utf8)) })
    }
  }

  private static func labelScores(_ current: Int, _ labels: LabelTable, _ db: Database) throws
    -> [History.LabelScore]
  {
    var learned: [Int: Int] = [:]
    for row in try Row.fetchAll(
      db,
      sql:
        "SELECT label, count(*) AS count FROM examples WHERE role = 0 AND status = 'learned' GROUP BY label")
    {
      learned[labels.resolved(row["label"]), default: 0] += row["count"] as Int
    }
    var tallies: [Int: [(version: Int, tally: Tally)]] = [:]
    for row in try Row.fetchAll(
      db,
      sql: """
        SELECT version, label, sum(correct) AS correct, sum(total) AS total FROM scores
        GROUP BY version, label ORDER BY version
        """)
    {
      tallies[labels.resolved(row["label"]), default: []].append(
        (row["version"], Tally(correct: row["correct"], total: row["total"])))
    }
    return labels.names.indices.filter { labels.merged[$0] == nil }.map { label in
      History.LabelScore(
        label: labels.names[label], first: tallies[label]?.first?.tally.accuracy,
        now: tallies[label]?.last { $0.version == current }?.tally.accuracy, examples: learned[label] ?? 0)
    }
  }

  private static func counts(_ db: Database) throws -> [String: Int] {
    var counts: [String: Int] = [:]
    for row in try Row.fetchAll(
      db, sql: "SELECT role, status, count(*) AS count FROM examples GROUP BY role, status")
    {
      let status: String = row["status"]
      let name = row["role"] as Int == 1 && status == "learned" ? "held out" : status
      counts[name, default: 0] += row["count"] as Int
    }
    return counts
  }

  /// The newest entries of the audit log, the last one last.
  public func audit(limit: Int = .max) throws -> [AuditEntry] { try database.audit(limit: limit) }
}
