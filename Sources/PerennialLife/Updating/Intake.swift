import Digests
import Foundation
import GRDB
import Perennial

/// What became of the inputs that were given: the first half of an update, which changes no model.
public struct Intake: Codable, Sendable, Equatable {
  /// Examples to learn from, and those held out to judge by.
  public var learned = 0
  public var heldOut = 0
  /// Known already, or twice among the inputs.
  public var duplicates = 0
  /// Known with another label, which they now have.
  public var corrected = 0
  /// Were refused, withdrawn or not learned yet, and are tried again.
  public var again = 0
  /// Forgotten on purpose before, and not taken in again.
  public var forgotten = 0
  /// Labels never seen before.
  public var newLabels: [String] = []
  /// What could not be used, each with its place and the reason.
  public var rejected: [String] = []

  /// How many are learned from or judged by.
  public var accepted: Int { learned + heldOut }
}

/// A label that becomes part of another, as a person has decided; or gets another name, where that is new.
public struct LabelMerge: Sendable, Equatable {
  public let old: String
  public let new: String

  /// - Parameter text: `old=new`.
  /// - Throws: `LifeError.merge` for anything else.
  public init(_ text: String) throws {
    let parts = text.split(separator: "=", omittingEmptySubsequences: false).map {
      $0.trimmingCharacters(in: .whitespaces)
    }
    guard parts.count == 2, parts.allSatisfy({ !$0.isEmpty }), parts[0] != parts[1] else {
      throw LifeError.merge("write `old=new`, found `\(text)`")
    }
    (old, new) = (parts[0], parts[1])
  }
}

/// What is never learned, but judged by. It follows from the content of inputs alone, not from their order.
enum Holdout {
  /// This share of the inputs of each label that arrive together, rounded; never all of one.
  case ofEachLabel(Double)
  /// This share of inputs that arrive one by one.
  case oneByOne(Double)

  /// The places of those held out.
  func places(_ examples: [(digest: Data, label: Int)]) -> Set<Int> {
    switch self {
    case .ofEachLabel(let share):
      let groups = Dictionary(grouping: examples.indices) { examples[$0].label }
      return Set(
        groups.values.flatMap { places -> [Int] in
          let count = min(Int((Double(places.count) * share).rounded()), places.count - 1)
          return Array(
            places.sorted { examples[$0].digest.lexicographicallyPrecedes(examples[$1].digest) }
              .prefix(max(count, 0)))
        })
    case .oneByOne(let share):
      return Set(
        examples.indices.filter { place in
          let number = examples[place].digest.prefix(4).reduce(0) { $0 << 8 | UInt64($1) }
          return Double(number) < share * 4_294_967_296
        })
    }
  }
}

extension LifeDatabase {
  /// Takes inputs in: checks labels, leaves out what is known, holds some out.
  ///
  /// - Throws: `LifeError.contradiction` for an input with two labels.
  static func take(_ records: InputRecords, holdout: Holdout, in db: Database) throws -> Intake {
    var intake = Intake(rejected: records.rejected)
    var labels = try labels(in: db)
    let known = labels.names.count
    let salt = try fact("salt", in: db)
    var seen: [Data: LabeledInput] = [:]
    var fresh: [(input: LabeledInput, digest: Data, label: Int)] = []
    for input in records.inputs {
      let digest = try digest(input.payload)
      if let before = seen[digest] {
        guard before.label == input.label else {
          throw LifeError.contradiction(origin: input.origin, label: input.label, known: before.label)
        }
        intake.duplicates += 1
        continue
      }
      seen[digest] = input
      let identifier = input.identifier ?? Self.identifier(digest)
      if try isForgotten(identifier, salt: salt, in: db) {
        intake.forgotten += 1
        continue
      }
      let (label, isNew) = labels.admit(input.label)
      if isNew {
        try db.execute(
          sql: "INSERT INTO labels (number, name) VALUES (?, ?)", arguments: [label, input.label])
      }
      if try meet(input, digest, label, &intake, in: db) { continue }
      if try Bool.fetchOne(
        db, sql: "SELECT EXISTS (SELECT 1 FROM examples WHERE identifier = ?)", arguments: [identifier])
        == true
      {
        intake.rejected.append("\(input.origin): the identifier is that of another input")
        continue
      }
      fresh.append((input, digest, label))
    }
    intake.newLabels = Array(labels.names.dropFirst(known))
    let held = holdout.places(fresh.map { ($0.digest, $0.label) })
    let insert = try db.makeStatement(
      sql: """
        INSERT INTO examples (identifier, digest, payload, label, time, role, status)
        VALUES (?, ?, ?, ?, ?, ?, 'pending')
        """)
    for (index, example) in fresh.enumerated() {
      let role = held.contains(index) ? StoredExample.Role.holdout : .train
      try insert.execute(arguments: [
        example.input.identifier ?? Self.identifier(example.digest), example.digest, example.input.payload,
        example.label, example.input.time, role.rawValue,
      ])
      if role == .train { intake.learned += 1 } else { intake.heldOut += 1 }
    }
    return intake
  }

  /// An input whose content is known: whether it is, and what follows.
  private static func meet(
    _ input: LabeledInput, _ digest: Data, _ label: Int, _ intake: inout Intake, in db: Database
  ) throws -> Bool {
    guard
      let row = try Row.fetchOne(
        db, sql: "SELECT number, label, status, role FROM examples WHERE digest = ?", arguments: [digest])
    else { return false }
    let number: Int = row["number"]
    let status: StoredExample.Status = row["status"]
    let role: StoredExample.Role = row["role"]
    if row["label"] as Int != label {
      try db.execute(sql: "UPDATE examples SET label = ? WHERE number = ?", arguments: [label, number])
      // What judges goes on judging, by its new label; what was learned is learned again.
      if role == .train || status != .learned {
        try db.execute(sql: "UPDATE examples SET status = 'pending' WHERE number = ?", arguments: [number])
      }
      intake.corrected += 1
      if role == .train { intake.learned += 1 } else { intake.heldOut += 1 }
    } else if status == .refused || status == .withdrawn || status == .pending {
      try db.execute(sql: "UPDATE examples SET status = 'pending' WHERE number = ?", arguments: [number])
      intake.again += 1
      if role == .train { intake.learned += 1 } else { intake.heldOut += 1 }
    } else {
      intake.duplicates += 1
    }
    return true
  }

  /// What an input is called whose owner has no name for it.
  static func identifier(_ digest: Data) -> String {
    "#" + digest.prefix(8).hex
  }

  static func digest(_ payload: Data) throws -> Data { try Data(Digest(sha256: payload).bytes) }

  /// Makes a label part of another, for all examples and for all answers to come.
  static func merge(_ merge: LabelMerge, in db: Database) throws {
    let labels = try labels(in: db)
    guard let old = labels.number(merge.old) else {
      throw LifeError.unknownLabel(merge.old, known: labels.current)
    }
    guard let new = labels.number(merge.new) else {
      try db.execute(sql: "UPDATE labels SET name = ? WHERE number = ?", arguments: [merge.new, old])
      return
    }
    // Done before, by an update that was stopped.
    guard old != new else { return }
    try db.execute(sql: "UPDATE labels SET merged = ? WHERE number = ?", arguments: [new, old])
    try db.execute(sql: "UPDATE examples SET label = ? WHERE label = ?", arguments: [new, old])
    try db.execute(sql: "UPDATE OR REPLACE answers SET label = ? WHERE label = ?", arguments: [new, old])
  }

  static func fact(_ key: String, in db: Database) throws -> String {
    try String.fetchOne(db, sql: "SELECT value FROM facts WHERE key = ?", arguments: [key]) ?? ""
  }

  static func setFact(_ key: String, _ value: String, in db: Database) throws {
    try db.execute(sql: "INSERT OR REPLACE INTO facts VALUES (?, ?)", arguments: [key, value])
  }

  /// What stays of an identifier that was forgotten: enough to know it again, not enough to read it.
  static func tombstone(_ identifier: String, salt: String) throws -> Data {
    try Data(Digest(sha256: Data((salt + identifier).utf8)).bytes)
  }

  static func isForgotten(_ identifier: String, salt: String, in db: Database) throws -> Bool {
    try Bool.fetchOne(
      db, sql: "SELECT EXISTS (SELECT 1 FROM tombstones WHERE digest = ?)",
      arguments: [try tombstone(identifier, salt: salt)]) ?? false
  }
}
