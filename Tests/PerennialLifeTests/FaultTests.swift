import Foundation
import GRDB
import Perennial
import Testing

@testable import PerennialLife

/// Whatever breaks is named, and what served goes on serving.
@Suite struct FaultTests {
  private func serving(_ life: Life) throws -> Int {
    try life.open(.read).load(nil, life.modality).manifest.version
  }

  private func trained() throws -> Life {
    let life = try Life()
    try life.learn(Life.rows([0, 1], 0..<40))
    try life.learn(Life.rows([2], 0..<40))
    return life
  }

  private func damage(_ url: URL, _ change: (inout Data) -> Void) throws {
    var data = try Data(contentsOf: url)
    change(&data)
    try data.write(to: url)
  }

  // MARK: - Versions

  @Test(arguments: ["model", "state"]) func aDamagedVersionGivesWayToTheOneBefore(_ part: String) throws {
    let life = try trained()
    let store = try life.open(.read).store
    let blob = try #require(store.current().blobs[part])
    try damage(store.file(of: blob)) { $0[$0.count / 2] ^= 1 }
    var warnings: [String] = []
    let model = try life.open(.read).load(nil, life.modality) { warnings.append($0) }
    #expect(model.manifest.version == 1 && warnings.count == 1)
    #expect(warnings.first?.contains("version 2 is damaged") == true)
    #expect(throws: LifeError.self) { try life.open(.read).load(2, life.modality) }
    // Learning goes on from what serves.
    #expect(try life.learn(Life.rows([3], 0..<40)).result == .promoted)
    #expect(try life.open(.read).store.current().parent == 1)
  }

  @Test func aManifestThatWasChangedIsNoticed() throws {
    let life = try trained()
    let store = try life.open(.read).store
    let file = store.versions.appendingPathComponent(try store.currentName() + ".json")
    try damage(file) { $0.append(UInt8(ascii: " ")) }
    #expect(try serving(life) == 1)
  }

  /// What can be mended is not cleared away: the weights of a version whose manifest cannot be read stay.
  @Test func clearingAwaySparesTheWeightsOfAManifestThatCannotBeRead() throws {
    let life = try trained()
    let store = try life.open(.read).store
    let file = store.versions.appendingPathComponent(try store.currentName() + ".json")
    let blobs = try store.current().blobs.values.map(store.file(of:))
    let whole = try Data(contentsOf: file)
    try damage(file) { $0.append(UInt8(ascii: " ")) }
    #expect(try life.learn(Life.rows([3], 0..<40)).result == .promoted)
    #expect(blobs.allSatisfy { FileManager.default.fileExists(atPath: $0.path) })
    try whole.write(to: file)
    #expect(try life.open().load(2, life.modality).manifest.version == 2)
  }

  @Test func withoutAnyWholeVersionTheErrorSaysSo() throws {
    let life = try Life()
    let store = try life.open(.read).store
    for blob in try store.current().blobs.values { try Data().write(to: store.file(of: blob)) }
    #expect(throws: LifeError.noVersion(path: life.url.path)) {
      try life.open(.read).load(nil, life.modality)
    }
  }

  @Test func fuzzedFilesNeverCrash() throws {
    let life = try trained()
    let store = try life.open(.read).store
    let original = try Data(contentsOf: store.pointer)
    for seed in 0..<60 {
      var random = SplitMix(state: UInt64(seed))
      let bytes = (0..<Int.random(in: 0...40, using: &random)).map { _ in
        UInt8.random(in: 0...255, using: &random)
      }
      try Data(bytes).write(to: store.pointer)
      _ = try? life.open(.read).load(nil, life.modality)
    }
    try original.write(to: store.pointer)
    #expect(try serving(life) == 2)
  }

  // MARK: - Between two steps of a promotion

  @Test func aVersionThatNobodyDecidedOnIsDiscarded() throws {
    let life = try trained()
    let store = try life.open(.read).store
    var manifest = try store.current()
    let state = try store.state(of: manifest)
    manifest = VersionManifest(
      version: 3, parent: 2, kind: .learned, created: manifest.created, labels: manifest.labels,
      merged: manifest.merged, configuration: manifest.configuration, examples: 1, newExamples: 1,
      parameters: 1, accuracy: nil, program: "test", files: [:], fromFiles: [], blobs: [:])
    _ = try store.write(manifest, state)
    #expect(store.numbers() == [0, 1, 2, 3])
    #expect(try serving(life) == 2)
    _ = try life.open()
    #expect(store.numbers() == [0, 1, 2])
  }

  @Test func aDecisionWithoutItsPointerIsCarriedOut() throws {
    let life = try trained()
    let store = try life.open(.read).store
    let newest = try store.currentName()
    try store.point(to: try #require(store.name(of: 1)))
    #expect(try serving(life) == 1)
    _ = try life.open()
    #expect(try store.currentName() == newest)
  }

  // MARK: - The database

  @Test func aDatabaseCutShortIsNamedAndServingGoesOn() throws {
    let life = try trained()
    let file = life.url.appendingPathComponent(LifeDatabase.fileName)
    for suffix in ["-wal", "-shm"] { try? FileManager.default.removeItem(atPath: file.path + suffix) }
    try damage(file) { $0 = $0.prefix($0.count / 3) }
    let error = #expect(throws: LifeError.self) { try life.learn(Life.rows([3], 0..<20)) }
    guard case .damagedDatabase = error else { return #expect(Bool(false), "\(error as Any)") }
    #expect(try serving(life) == 2)
  }

  @Test func aLogCutShortLosesNothingThatWasDecided() throws {
    let life = try trained()
    let log = life.url.appendingPathComponent(LifeDatabase.fileName + "-wal")
    let directory = try life.open()
    _ = try directory.take(Life.rows([0], 700..<710))
    let copy = try Scratch()
    let other = copy.url.appendingPathComponent("model")
    try FileManager.default.copyItem(at: life.url, to: other)
    let cut = other.appendingPathComponent(log.lastPathComponent)
    if let bytes = try? Data(contentsOf: cut), bytes.count > 100 {
      try bytes.prefix(bytes.count - 100).write(to: cut)
    }
    try? FileManager.default.removeItem(at: other.appendingPathComponent(LifeDatabase.fileName + "-shm"))
    let opened = try ModelDirectory(other, for: .write)
    #expect(try opened.store.current().version == 2)
    #expect(try opened.history().versions.count == 3)
    // The chain goes on from what is left, and the entry that was lost is missed.
    let last = try opened.database.checkAudit()
    #expect(throws: LifeError.cutAudit(last: last, sequence: last + 1)) { try opened.checkAudit() }
  }

  @Test func anOlderDirectoryIsBroughtToTheNewestFormat() throws {
    let scratch = try Scratch()
    let url = scratch.url.appendingPathComponent("old.sqlite")
    do {
      let queue = try DatabaseQueue(path: url.path)
      try LifeDatabase.migrator.migrate(queue, upTo: "1")
      try queue.write { try $0.execute(sql: "INSERT INTO labels (number, name) VALUES (0, 'kept')") }
      #expect(try queue.read { try !$0.tableExists("served") })
    }
    let database = try LifeDatabase(url, isWriting: true)
    #expect(try database.read { try $0.tableExists("served") })
    #expect(try database.read { try LifeDatabase.labels(in: $0).names } == ["kept"])
  }

  @Test func whatWasServedBeforeThereWereDigestsIsFound() throws {
    let scratch = try Scratch()
    let url = scratch.url.appendingPathComponent("old.sqlite")
    let payload = Data("1,2,3,4".utf8)
    do {
      let queue = try DatabaseQueue(path: url.path)
      try LifeDatabase.migrator.migrate(queue, upTo: "3")
      try queue.write { db in
        for (name, input) in [("kept", payload), ("other", Data("5,6,7,8".utf8)), ("told", nil)] {
          try db.execute(
            sql: """
              INSERT INTO served (identifier, time, version, payload, label, probability)
              VALUES (?, '', 1, ?, 'a', 1)
              """, arguments: [name, input])
        }
      }
    }
    let database = try LifeDatabase(url, isWriting: true)
    let found = try database.read {
      try Int.fetchAll($0, sql: Erasure.servedLike, arguments: [try LifeDatabase.digest(payload)])
    }
    #expect(found == [1])
    #expect(
      try database.read { try Int.fetchOne($0, sql: "SELECT count(*) FROM served WHERE digest IS NULL") } == 1
    )
  }

  @Test func aLaterFormatIsRefused() throws {
    let scratch = try Scratch()
    let url = scratch.url.appendingPathComponent("new.sqlite")
    do {
      let queue = try DatabaseQueue(path: url.path)
      var migrator = LifeDatabase.migrator
      migrator.registerMigration("99") { try $0.execute(sql: "CREATE TABLE later (a)") }
      try migrator.migrate(queue)
    }
    #expect(throws: LifeError.newerFormat(path: url.path, found: 99, known: 5)) {
      try LifeDatabase(url, isWriting: true)
    }
  }

  @Test func whoChangesTheAuditLogIsFoundOut() throws {
    let life = try trained()
    let database = try life.open().database
    try database.checkAudit()
    try database.write { try $0.execute(sql: "UPDATE audit SET detail = '{}' WHERE sequence = 3") }
    #expect(throws: LifeError.brokenAudit(sequence: 3)) { try database.checkAudit() }
    try database.write { try $0.execute(sql: "DELETE FROM audit WHERE sequence <= 3") }
    #expect(throws: LifeError.brokenAudit(sequence: 1)) { try database.checkAudit() }
  }

  @Test func removingTheNewestEntriesIsFoundOut() throws {
    let life = try trained()
    let directory = try life.open()
    let database = try directory.database
    let entries = try directory.checkAudit()
    #expect(try directory.check() == Soundness(auditEntries: entries, whole: [0, 1, 2], damaged: []))
    let last = try #require(try directory.store.current().audit)
    let newest = try directory.audit(limit: 1)
    #expect(last.sequence == entries && newest.map(\.digest) == [last.digest])
    try database.write { try $0.execute(sql: "DELETE FROM audit WHERE sequence = ?", arguments: [entries]) }
    // The chain alone is whole; the version that was decided on tells of the entry.
    try database.checkAudit()
    #expect(
      throws: LifeError.shortenedAudit(last: entries - 1, version: 2, sequence: entries)
    ) { try directory.checkAudit() }
    // Without its row the version still serves, and tells.
    try database.write {
      try $0.execute(sql: "DELETE FROM versions WHERE number = 2; DELETE FROM audit WHERE sequence > 2")
    }
    #expect(throws: LifeError.shortenedAudit(last: 2, version: 1, sequence: 3)) { try directory.checkAudit() }
  }

  /// What happened after the newest version is told by a file beside the database.
  @Test func cuttingOffWhatCameAfterTheNewestVersionIsFoundOut() throws {
    let life = try trained()
    let newest: Int
    do {
      let directory = try life.open()
      _ = try directory.freeze(Life.rows([0], 400..<405, named: "frozen"), as: "gold")
      try directory.rollback(to: 1)
      newest = try directory.checkAudit()
      #expect(AuditSeal.read(in: life.url)?.sequence == newest)
      try directory.database.write { try $0.execute(sql: "DELETE FROM audit WHERE sequence = \(newest)") }
      #expect(throws: LifeError.cutAudit(last: newest - 1, sequence: newest)) { try directory.check() }
    }
    // Whoever writes next does not hide it, nor does a log that has grown again.
    do {
      let directory = try life.open()
      #expect(throws: LifeError.cutAudit(last: newest - 1, sequence: newest)) { try directory.checkAudit() }
      try directory.rollback(to: 2)
      #expect(throws: LifeError.brokenAudit(sequence: newest)) { try directory.checkAudit() }
    }
    #expect(throws: LifeError.brokenAudit(sequence: newest)) { try life.open().checkAudit() }
  }

  /// Killed between the transaction and the file, the log is the longer one; older directories have no file.
  @Test func anEndThatWasNotToldIsToldByTheNextWriter() throws {
    let life = try trained()
    let file = life.url.appendingPathComponent(AuditSeal.fileName)
    let before = try Data(contentsOf: file)
    try life.open().rollback(to: 1)
    let after = try Data(contentsOf: file)
    #expect(before != after)
    for left in [before, nil] {
      try FileManager.default.removeItem(at: file)
      if let left { try left.write(to: file) }
      try life.open(.read).checkAudit()
      _ = try life.open()
      #expect(try Data(contentsOf: file) == after)
    }
  }

  @Test func aChainWrittenAnewIsAnotherOne() throws {
    let life = try trained()
    let directory = try life.open()
    try directory.database.write { db in
      let entries = try AuditEntry.fetchAll(db, sql: "SELECT * FROM audit ORDER BY sequence")
      try db.execute(sql: "DELETE FROM audit")
      for entry in entries {
        let isLast = entry.sequence == entries.count
        try LifeDatabase.note(entry.event, isLast ? ["version": 7] : ["version": 0], at: entry.time, in: db)
      }
    }
    try directory.database.checkAudit()
    #expect(throws: LifeError.self) { try directory.checkAudit() }
  }

  @Test func aLookAtEverythingNamesWhatIsDamaged() throws {
    let life = try trained()
    let directory = try life.open(.read)
    let blob = try #require(directory.store.manifest(1).blobs["state"])
    try damage(directory.store.file(of: blob)) { $0[$0.count / 2] ^= 1 }
    let found = try directory.check()
    #expect(found.whole == [0, 2] && found.damaged.count == 1)
    #expect(found.damaged.first?.contains("version 1 is damaged") == true)
  }

  // MARK: - Around it

  @Test func twoCannotWrite() throws {
    let life = try Life()
    let first = try life.open()
    #expect(throws: LifeError.inUse(path: life.url.path, process: getpid())) { try life.open() }
    #expect(try first.history().current == 0)
    // Readers may be as many as they like.
    _ = try (0..<3).map { _ in try life.open(.read).history() }
  }

  @Test func whoReadsCannotWrite() throws {
    let life = try trained()
    let directory = try life.open(.read)
    #expect(throws: LifeError.self) { try directory.learn(nil, life.modality) }
    #expect(throws: LifeError.self) { try directory.rollback(to: 1) }
    #expect(throws: LifeError.self) { try directory.take(Life.rows([0], 0..<1)) }
  }

  @Test func aWrongClockChangesNothingButDates() throws {
    let life = try Life()
    try life.learn(Life.rows([0, 1], 0..<40))
    let past = try ModelDirectory(life.url, for: .write, now: { Date(timeIntervalSince1970: -1e9) })
    #expect(try past.learn(Life.rows([2], 0..<40), life.modality).version == 2)
    let history = try past.history()
    #expect(history.versions.map(\.number) == [0, 1, 2] && history.versions[2].created.hasPrefix("1938"))
    try past.checkAudit()
  }

  @Test func aFolderThatIsNoModelDirectorySaysSo() throws {
    let scratch = try Scratch()
    #expect(throws: LifeError.notADirectory(path: scratch.url.path)) { try ModelDirectory(scratch.url) }
    #expect(throws: LifeError.exists(path: scratch.url.path)) {
      try ModelDirectory.create(scratch.url, yaml: Life.learning, modality: visionModality())
    }
  }

  @Test func aMistakeInTheConfigurationNamesItsLine() throws {
    let scratch = try Scratch()
    let url = scratch.url.appendingPathComponent("model")
    let error = #expect(throws: ConfigurationError.self) {
      try LifeConfiguration(yaml: Life.learning + "\ngate: {drop: 2}", source: "life.yaml")
    }
    #expect("\(error as Any)".contains("life.yaml"))
    #expect(throws: ConfigurationError.self) {
      try LifeConfiguration(yaml: Life.counting + "\nkeep: 1", source: "life.yaml")
    }
    #expect(throws: (any Error).self) {
      try ModelDirectory.create(url, yaml: Life.counting + "\nmodle: x", modality: visionModality())
    }
    #expect(
      !FileManager.default.fileExists(atPath: url.path), "nothing stays of a directory that was not made")
  }

  @Test func manyVersionsAndExamplesOpenAtOnce() throws {
    let life = try trained()
    let directory = try life.open()
    try directory.database.write { db in
      let insert = try db.makeStatement(
        sql: """
          INSERT INTO examples (identifier, digest, payload, label, role, status) VALUES (?, ?, ?, 0, 0, 'learned')
          """)
      for number in 0..<50_000 {
        try insert.execute(arguments: [
          "bulk-\(number)", Data("digest \(number)".utf8), Data(repeating: 7, count: 60),
        ])
      }
    }
    let clock = ContinuousClock()
    let time = try clock.measure {
      let opened = try ModelDirectory(life.url)
      _ = try opened.store.current()
      _ = try opened.database.read { try LifeDatabase.fact("current", in: $0) }
    }
    #expect(time < .seconds(1))
  }
}
