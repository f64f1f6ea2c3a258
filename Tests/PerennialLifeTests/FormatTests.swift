import Foundation
import GRDB
import Perennial
import Testing

@testable import PerennialLife

/// Directories of earlier programs are read, and go on.
@Suite struct FormatTests {
  /// What the first program did not write: where the audit log ended, teachers, blobs of weights that rest.
  @Test func aManifestOfTheFirstProgramServesAndGoesOn() throws {
    let life = try Life()
    try life.learn(Life.rows([0, 1], 0..<40))
    let payloads = Life.rows([0, 1], 200..<220).inputs.map(\.payload)
    let before = try life.open(.read).load(nil, life.modality).predict(payloads)
    let store = try life.open(.read).store
    let name = try store.currentName()
    let file = store.versions.appendingPathComponent(name + ".json")
    var fields = try #require(
      JSONSerialization.jsonObject(with: Data(contentsOf: file)) as? [String: Any])
    #expect(fields.removeValue(forKey: "audit") != nil)
    #expect(fields["teacher"] == nil && fields["format"] as? Int == 1)
    let data = try JSONSerialization.data(withJSONObject: fields, options: [.sortedKeys, .prettyPrinted])
    let older = try String(name.prefix(7)) + Recipe.sha256(of: data).prefix(16)
    try data.write(to: store.versions.appendingPathComponent(older + ".json"))
    try FileManager.default.removeItem(at: file)
    try store.point(to: older)
    try life.open(.read).database.reader.close()
    try DatabaseQueue(path: life.url.appendingPathComponent(LifeDatabase.fileName).path).write {
      try $0.execute(sql: "UPDATE versions SET name = ? WHERE number = 1", arguments: [older])
      try $0.execute(sql: "UPDATE facts SET value = ? WHERE key = 'current'", arguments: [older])
    }
    #expect(try life.open(.read).load(nil, life.modality).predict(payloads) == before)
    #expect(try life.open().check().damaged.isEmpty)
    #expect(try life.learn(Life.rows([2], 0..<40)).version == 2)
  }

  /// Labels that came before there was an order of them get the one of their times.
  @Test func labelsOfAnEarlierProgramAreJudgedInTheirOrder() throws {
    let scratch = try Scratch()
    let url = scratch.url.appendingPathComponent("old.sqlite")
    do {
      let queue = try DatabaseQueue(path: url.path)
      try LifeDatabase.migrator.migrate(queue, upTo: "4")
      try queue.write { db in
        for (name, told) in [("a", "2026-01-03"), ("b", nil), ("c", "2026-01-01"), ("d", "2026-01-01")] {
          try db.execute(
            sql: """
              INSERT INTO served (identifier, time, version, label, probability, truth, told, is_correct)
              VALUES (?, '2026-01-01', 1, 'x', 1, ?, ?, ?)
              """, arguments: [name, told.map { _ in "x" }, told, told.map { _ in true }])
        }
      }
    }
    let order = try LifeDatabase(url, isWriting: true).read {
      try String.fetchAll(
        $0, sql: "SELECT identifier FROM served WHERE judged IS NOT NULL ORDER BY judged")
    }
    #expect(order == ["c", "d", "a"])
  }
}
