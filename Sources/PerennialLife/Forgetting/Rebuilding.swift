import Foundation
import GRDB
import Perennial
import Torch

/// Learns again, from the last version that has not seen what was to be forgotten, all that was learned since; or, where each
/// update has adapters of its own, no more than those that have seen it.
///
/// What it learns from no longer holds what was forgotten. It goes on where it was stopped.
struct Rebuilding {
  let directory: ModelDirectory
  let modality: any Modality
  /// Whether adapters stay that have not seen it.
  let keepsShards: Bool
  let force: String?
  let tell: (LifeEvent) -> Void
  let shouldStop: () -> Bool

  func callAsFunction(_ receipt: inout ForgetReceipt) throws {
    let (store, database) = (directory.store, try directory.database)
    let (serving, servingState, _) = try store.newestWhole()
    let path = try database.read { try LifeDatabase.path(to: serving.version, in: $0) }
    guard path.contains(where: \.isTainted) else {
      receipt.weights = .rebuilt
      receipt.cleared = try clear()
      return
    }
    guard
      let clean = path.lastIndex(where: { !$0.isTainted && !$0.isCleared && $0.number < firstTainted(path) })
    else { throw LifeError.noVersion(path: directory.url.path) }
    let parent = try store.manifest(named: path[clean].name)
    let learned = path.map(\.number).filter { $0 > 0 }
    let relearned = path[(clean + 1)...].map(\.number)
    // What was corrected is in two updates: it is learned once, as it is called now.
    var known: Set<Int> = []
    let batches = try relearned.map {
      try database.examples(learnedBy: $0).filter { known.insert($0.number).inserted }
    }.filter { !$0.isEmpty }
    let configuration = try directory.configuration()
    let inputs = try modality.liveInputs(configuration.recipe)
    let shards = keepsShards ? try Shards(serving, servingState, configuration, database, modality) : nil
    let candidate = try Training(
      configuration: configuration, parent: shards == nil ? parent : serving,
      parentState: shards?.state ?? store.state(of: parent), batches: shards?.batches ?? batches,
      past: { try database.examples(learnedBy: learned[$0]) },
      experience: path[...clean].count { $0.number > 0 }, numbers: shards?.numbers, inputs: inputs,
      work: directory.work, tell: tell, shouldStop: shouldStop)()
    let labels = try database.read { try LifeDatabase.labels(in: $0) }
    let judged = try Judgement(
      directory: directory, configuration: configuration, parent: serving, parentState: servingState,
      inputs: inputs, modality: modality, labels: labels, tell: tell, shouldStop: shouldStop)(
        candidate.learner, heldOut: [])
    receipt.verdict = judged.verdict
    guard judged.verdict.passed || force != nil else {
      receipt.weights = .refused
      return
    }
    let promotion = Promotion(
      parent: parent, kind: .rebuilt, configuration: configuration, training: Array(batches.joined()),
      heldOut: [], labels: labels, reason: judged.verdict.passed ? nil : force)
    receipt.version = try directory.promote(promotion, candidate, judged)
    receipt.rebuiltFrom = shards == nil ? parent.version : nil
    receipt.weights = shards == nil ? .rebuilt : .relearned
    receipt.adapters = shards?.affected ?? []
    tell(.promoted(receipt.version))
    receipt.cleared = try clear()
  }

  /// The version that serves, its adapters that have seen what was forgotten made as new, and what those learn again.
  private struct Shards {
    let state: State
    /// The experiences whose adapters were made anew, and those of them that have something left to learn from.
    let affected: [Int]
    let numbers: [Int]
    let batches: [[StoredExample]]

    /// Nil where the model keeps nothing apart, or is learned in another way by now.
    init?(
      _ serving: VersionManifest, _ state: State, _ configuration: LifeConfiguration,
      _ database: LifeDatabase, _ modality: any Modality
    ) throws {
      let before = try LifeConfiguration(yaml: serving.configuration, source: "version \(serving.version)")
      guard try before.recipe.sha256 == configuration.recipe.sha256 else { return nil }
      let learner = try LivingModel(serving, state, modality).learner
      guard let strategy = learner.sharded else { return nil }
      let shards = strategy.shards
      let known = try database.examples(numbered: shards.reduce(into: []) { $0.formUnion($1.examples) })
      // What is in no table any more was forgotten.
      let gone = shards.reduce(into: Set<Int>()) { $0.formUnion($1.examples) }.subtracting(known.keys)
      guard let places = try strategy.shards(after: gone, learner), !places.isEmpty else { return nil }
      try strategy.clear(Set(places), learner)
      self.state = try learner.state()
      affected = places.map { shards[$0].experience }
      let left = places.map { place in
        (
          number: shards[place].experience,
          batch: shards[place].examples.sorted().compactMap { known[$0] }
        )
      }.filter { !$0.batch.isEmpty }
      (numbers, batches) = (left.map(\.number), left.map(\.batch))
    }
  }

  private func firstTainted(_ path: [LifeDatabase.VersionRow]) -> Int {
    path.first(where: \.isTainted)?.number ?? .max
  }

  /// Removes every version that has seen what was to be forgotten, now that none of them serves.
  private func clear() throws -> [Int] {
    let database = try directory.database
    let (cleared, kept) = try database.write { db in
      let tainted = try LifeDatabase.versions(in: db).filter { $0.isTainted && !$0.isCleared }.map(\.number)
      for number in tainted { try LifeDatabase.clear(number, in: db) }
      return (tainted, try LifeDatabase.versions(in: db).filter { !$0.isCleared }.map(\.name))
    }
    try directory.store.collectGarbage(keeping: Set(kept))
    return cleared
  }
}
