import Foundation
import GRDB
import Perennial
import Torch

/// Takes examples out of everything that a model directory stores.
struct Erasure {
  private let directory: ModelDirectory
  private let identifiers: [String]
  let examples: [StoredExample]
  /// Predictions that were served, by their numbers.
  let served: [Int]
  /// Versions that are kept and have learned from one of the examples, or from a version that had.
  let seen: [LifeDatabase.VersionRow]
  /// The labels under which versions on the way to each of those learned the examples.
  private let lineage: [Int: [(example: Int, label: Int)]]
  /// Versions that were written anew, with their new names.
  private(set) var rewritten: [Int: String] = [:]
  /// Items that were taken out of replay memories.
  private(set) var memories = 0
  /// Versions from whose statistics the examples were taken, or whose adapters that had seen them were.
  private var unlearned: [Int: State] = [:]
  /// The experiences whose adapters are taken away, and the examples that no other adapters know.
  private(set) var dropped: Set<Int> = []
  private(set) var withdrawn: Set<Int> = []
  /// Whether a teacher has taught one of the examples: then the backbone has learned from it too.
  private let isTaught: Bool

  /// Finds what is to go; changes nothing.
  ///
  /// - Throws: `LifeError.unknownExamples`, also where there is nothing to finish from an earlier call.
  init(_ directory: ModelDirectory, _ identifiers: [String]) throws {
    self.directory = directory
    self.identifiers = identifiers
    let found = try directory.database.read { db in
      let examples = try identifiers.compactMap {
        try StoredExample.fetchOne(db, sql: "SELECT * FROM examples WHERE identifier = ?", arguments: [$0])
      }
      var served: [Int] = []
      for identifier in identifiers {
        served += try Int.fetchAll(db, sql: Self.servedAs, arguments: [identifier])
      }
      for example in examples {
        served += try Int.fetchAll(db, sql: Self.servedAndTold, arguments: [example.number])
        served += try Int.fetchAll(db, sql: Self.servedLike, arguments: [example.digest])
      }
      let predictions = try String.fetchSet(
        db, sql: "SELECT identifier FROM served WHERE number IN (\(Self.list(served)))")
      let known = Set(examples.map(\.identifier)).union(predictions)
      let unknown = identifiers.filter { !known.contains($0) }
      guard unknown.isEmpty else { throw LifeError.unknownExamples(unknown) }
      let owes = try Bool.fetchOne(
        db, sql: "SELECT EXISTS (SELECT 1 FROM versions WHERE is_tainted AND NOT is_cleared)")
      guard !identifiers.isEmpty || owes == true else { throw LifeError.unknownExamples(["–"]) }
      let numbers = examples.map(\.number)
      return (
        examples, Array(Set(served)).sorted(), try Self.seen(numbers, in: db),
        try Self.isTaught(numbers, in: db)
      )
    }
    (examples, served, isTaught) = (found.0, found.1, found.3)
    seen = found.2.map(\.version)
    lineage = Dictionary(uniqueKeysWithValues: found.2.map { ($0.version.number, $0.learned) })
  }

  /// Predictions by their identifier, by the example that they became once their label was told, and by their input.
  static let servedAs = "SELECT number FROM served WHERE identifier = ?"
  static let servedAndTold = "SELECT number FROM served WHERE example = ?"
  static let servedLike = "SELECT number FROM served WHERE digest = ?"

  private static func list(_ numbers: [Int]) -> String { numbers.map(String.init).joined(separator: ", ") }

  private static func isTaught(_ examples: [Int], in db: Database) throws -> Bool {
    try Bool.fetchOne(
      db,
      sql: """
        SELECT EXISTS (
          SELECT 1 FROM lineage JOIN versions ON versions.number = lineage.version
          WHERE lineage.example IN (\(list(examples))) AND versions.kind = ?)
        """, arguments: [VersionManifest.Kind.imported.rawValue]) ?? false
  }

  private static func seen(_ examples: [Int], in db: Database) throws
    -> [(version: LifeDatabase.VersionRow, learned: [(example: Int, label: Int)])]
  {
    let rows = try Row.fetchAll(
      db, sql: "SELECT version, example, label FROM lineage WHERE example IN (\(list(examples)))")
    let byVersion = Dictionary(grouping: rows) { $0["version"] as Int }
    let versions = try LifeDatabase.versions(in: db)
    let parents = Dictionary(uniqueKeysWithValues: versions.map { ($0.number, $0.parent) })
    return versions.filter { !$0.isCleared }.compactMap { version in
      var learned: [(example: Int, label: Int)] = []
      var next: Int? = version.number
      while let number = next {
        learned += (byVersion[number] ?? []).map { ($0["example"], $0["label"]) }
        next = parents[number] ?? nil
      }
      return learned.isEmpty ? nil : (version, learned)
    }
  }

  /// Takes the examples out of the statistics of every version that has counted them, where all of them can: heads that
  /// count each input once, on features that rest.
  mutating func unlearn(_ modality: any Modality) throws {
    guard !isTaught else { return }
    var states: [Int: State] = [:]
    let payloads = Dictionary(uniqueKeysWithValues: examples.map { ($0.number, $0.payload) })
    for version in seen {
      let manifest = try directory.store.manifest(named: version.name)
      let configuration = try LifeConfiguration(
        yaml: manifest.configuration, source: "version \(version.number)")
      let recipe = configuration.recipe
      guard configuration.arm.strategies.isEmpty, recipe.training.freeze == .backbone,
        recipe.training.length == .epochs(1)
      else { return }
      let model = try LivingModel(manifest, directory.store.state(of: manifest), modality)
      guard let head = model.learner.model.head as? any UnlearningHead, model.learner.vector.count == 0 else {
        return
      }
      let learned = lineage[version.number] ?? []
      let features = try model.features(learned.map { payloads[$0.example] ?? Data() })
      let units = try model.learner.classes.units(for: Tensor(learned.map(\.label)))
      try head.unlearn(features, units)
      states[version.number] = try model.learner.state()
    }
    unlearned = states
  }

  /// Takes the adapters that have learned from the examples out of every version that has them.
  ///
  /// - Throws: `LifeError.notSharded`, before anything is changed.
  mutating func drop(_ modality: any Modality) throws {
    let numbers = Set(examples.map(\.number))
    var states: [Int: State] = [:]
    for version in seen {
      let manifest = try directory.store.manifest(named: version.name)
      let learner = try LivingModel(manifest, directory.store.state(of: manifest), modality).learner
      guard let strategy = learner.sharded, let places = try strategy.shards(after: numbers, learner),
        !places.isEmpty
      else { throw LifeError.notSharded(version: version.number) }
      let shards = strategy.shards
      dropped.formUnion(places.map { shards[$0].experience })
      withdrawn.formUnion(places.flatMap { shards[$0].examples })
      try strategy.clear(Set(places), learner)
      states[version.number] = try learner.state()
      // What the newest of them still knows stays learned.
      if version.number == seen.last?.number {
        withdrawn.subtract(strategy.shards.flatMap(\.examples))
      }
    }
    withdrawn.subtract(numbers)
    unlearned = states
  }

  /// Erases, in this order: versions without the examples, the transaction that decides, the pointer, traces.
  mutating func perform(policy: ForgetPolicy) throws {
    guard !identifiers.isEmpty else { return }
    let store = directory.store
    let numbers = Set(examples.map(\.number))
    var files: [(data: Data, url: URL)] = []
    for version in seen {
      let manifest = try store.manifest(named: version.name)
      if let state = unlearned[version.number] {
        rewritten[version.number] = try store.write(manifest, state).name
        continue
      }
      // Memories are in the state alone: weights, which are larger, stay where they are.
      var state = try store.state(of: manifest, parts: [VersionManifest.stateBlob])
      let count = try state.erase(numbers)
      guard count > 0 else { continue }
      memories += count
      let (name, own) = try store.renewed(manifest, state)
      rewritten[version.number] = name
      files += own
      if files.reduce(0, { $0 + $1.data.count }) > Self.mostBytes { try Self.write(&files) }
    }
    try Self.write(&files)
    let current = VersionStore.number(of: try store.currentName())
    try directory.database.write { try erase(policy, current: current, in: $0) }
    if let current, let name = rewritten[current] { try store.point(to: name) }
    let kept = try directory.database.read { try LifeDatabase.versions(in: $0).filter { !$0.isCleared } }
    try store.collectGarbage(keeping: Set(kept.map(\.name)))
    try directory.scrub(traces)
  }

  /// So many are in memory before they are written: forcing them to disk one by one is what takes time.
  private static let mostBytes = 64 << 20

  private static func write(_ files: inout [(data: Data, url: URL)]) throws {
    try AtomicFile.write(files)
    files = []
  }

  /// The bytes by which the database holds the examples, in tables and indices, each too long to be there by chance; of an
  /// input, where it would begin to differ from others of its kind.
  private var traces: [Data] {
    let rows = examples.flatMap { example in
      let head = example.payload.prefix(400)
      return [
        example.digest, Data(example.identifier.utf8) + Self.integer(example.number), head.suffix(64),
      ]
    }
    let known = Set(examples.map(\.identifier))
    return rows + identifiers.filter { !known.contains($0) }.map { Data($0.utf8) }
  }

  /// A number as SQLite stores it behind the text in an index: big-endian, in 1, 2, 3, 4, 6 or 8 bytes.
  private static func integer(_ number: Int) -> Data {
    let size = [1, 2, 3, 4, 6].first { number < 1 << (8 * $0 - 1) } ?? 8
    return Data((0..<size).reversed().map { UInt8(truncatingIfNeeded: number >> (8 * $0)) })
  }

  private func erase(_ policy: ForgetPolicy, current: Int?, in db: Database) throws {
    let time = directory.time
    let salt = try LifeDatabase.fact("salt", in: db)
    let gone = Set(identifiers).union(examples.map(\.identifier))
    for identifier in gone.sorted() {
      try db.execute(
        sql: "INSERT OR IGNORE INTO tombstones VALUES (?, ?)",
        arguments: [try LifeDatabase.tombstone(identifier, salt: salt), time])
    }
    try db.execute(sql: "DELETE FROM served WHERE number IN (\(Self.list(served)))")
    try db.execute(sql: "DELETE FROM examples WHERE number IN (\(Self.list(examples.map(\.number))))")
    let aside = Self.list(withdrawn.sorted())
    try db.execute(sql: "DELETE FROM lineage WHERE example IN (\(aside))")
    try db.execute(sql: "UPDATE examples SET status = 'withdrawn' WHERE role = 0 AND number IN (\(aside))")
    for (version, name) in rewritten {
      try db.execute(sql: "UPDATE versions SET name = ? WHERE number = ?", arguments: [name, version])
      if version == current { try LifeDatabase.setFact("current", name, in: db) }
    }
    if policy != .erase {
      for version in seen where unlearned[version.number] == nil {
        try db.execute(
          sql: "UPDATE versions SET is_tainted = 1 WHERE number = ?", arguments: [version.number])
      }
    }
    try LifeDatabase.setFact(ModelDirectory.scrubFact, "1", in: db)
    struct Detail: Encodable {
      let examples: Int
      let served: Int
      let memories: Int
      let policy: ForgetPolicy
      let rewritten: [Int]
      let adapters: [Int]
      let withdrawn: Int
      let tombstones: [String]
    }
    try LifeDatabase.note(
      "forget",
      Detail(
        examples: examples.count, served: served.count, memories: memories, policy: policy,
        rewritten: rewritten.keys.sorted(), adapters: dropped.sorted(), withdrawn: withdrawn.count,
        tombstones: try gone.sorted().map { try LifeDatabase.tombstone($0, salt: salt).base64EncodedString() }
      ),
      at: time, in: db)
  }
}
