import Foundation
import Perennial
import Testing
import Torch

@testable import PerennialLife

/// Where each update has adapters of its own, forgetting touches those alone that saw the input.
@Suite struct ShardForgettingTests {
  private static let yaml = """
    inputs: {table: {columns: 4}}
    model: {mlp: {hidden: [32]}}
    training: {optimizer: {adam: {lr: 0.02}}, batch: 16, epochs: 20, checkpoint_every: 5}
    strategies: [{lora-per-task: {rank: 4}}]
    """

  /// Knows two labels of each update.
  private func trained(_ updates: [[Int]] = [[0, 1], [2, 3], [4, 5]]) throws -> Life {
    let life = try Life(Self.yaml)
    for (index, labels) in updates.enumerated() {
      try life.learn(
        Life.rows(labels, index * 40..<index * 40 + 40, named: "row-\(index)"), options: .forcing)
    }
    return life
  }

  /// The bytes of each tensor of a version's adapters, by the number of the set.
  private func adapters(_ life: Life, _ version: Int) throws -> [Int: [String: Data]] {
    let store = try life.open(.read).store
    let state = try store.state(of: store.manifest(version))
    return try state.tensors.reduce(into: [:]) { found, part in
      let prefix = "model/lora-per-task."
      guard part.key.hasPrefix(prefix),
        let set = Int(part.key.dropFirst(prefix.count).prefix { $0 != "." })
      else { return }
      found[set, default: [:]][part.key] = try part.value.data()
    }
  }

  private func expectGone(_ input: StoredExample, _ life: Life) throws {
    let cells = String(decoding: input.payload, as: UTF8.self).split(separator: ",").compactMap { Float($0) }
    let raw = cells.withUnsafeBytes { Data($0) }
    for trace in [input.payload, raw, Data(input.identifier.utf8), input.digest] {
      #expect(try life.files(holding: trace).isEmpty)
    }
  }

  private func accuracy(_ life: Life, _ labels: [Int]) throws -> Double {
    try life.open(.read).evaluate(on: Life.rows(labels, 500..<530), life.modality).accuracy
  }

  @Test func adaptersThatSawItAreTakenAway() throws {
    let life = try trained()
    let before = (try adapters(life, 2), try adapters(life, 3))
    let others = Life.rows([0, 1, 4, 5], 600..<620).inputs.map(\.payload)
    let said = try life.open(.read).load(nil, life.modality).predict(others)
    #expect(try accuracy(life, [0, 1, 2, 3, 4, 5]) > 0.9)
    let gone = try #require(life.open(.read).database.examples(learnedBy: 2).first)
    #expect(try !life.files(holding: gone.payload).isEmpty)

    let receipt = try life.forget([gone.identifier], .drop)
    #expect(receipt.weights == .dropped && receipt.adapters == [1] && receipt.withdrawn == 71)
    #expect(receipt.rewritten == [2, 3] && receipt.cleared.isEmpty && receipt.version == 3)
    #expect(receipt.seconds < 5)
    try expectGone(gone, life)
    for (version, was) in [(2, before.0), (3, before.1)] {
      let now = try adapters(life, version)
      for set in was.keys { #expect((now[set] == was[set]) == (set != 1), "\(version) \(set)") }
    }
    #expect(try life.open(.read).load(nil, life.modality).predict(others) == said)
    let directory = try life.open(.read)
    #expect(try directory.history().counts["withdrawn"] == 71)
    #expect(try directory.check().whole == [0, 1, 2, 3])

    // What they alone knew is learned again where somebody asks for it.
    var options = LearnOptions.forcing
    options.retries = true
    #expect(try life.learn(nil, options: options).version == 4)
    #expect(try accuracy(life, [0, 1, 2, 3, 4, 5]) > 0.9)
  }

  @Test func adaptersThatSawItLearnAgain() throws {
    let life = try trained()
    let before = try adapters(life, 3)
    let gone = try #require(life.open(.read).database.examples(learnedBy: 2).first)
    let receipt = try life.forget([gone.identifier], force: "a test")
    #expect(receipt.weights == .relearned && receipt.adapters == [1] && receipt.rebuiltFrom == nil)
    #expect(receipt.version == 4 && receipt.cleared == [2, 3])
    try expectGone(gone, life)
    let now = try adapters(life, 4)
    for set in before.keys { #expect((now[set] == before[set]) == (set != 1), "\(set)") }
    #expect(try accuracy(life, [0, 1, 2, 3, 4, 5]) > 0.9)
    // All of what is left is known to the new version, and the next update has adapters of its own.
    #expect(try life.open(.read).database.examples(learnedBy: 4).count == 143)
    try life.learn(Life.rows([6, 7], 200..<240), options: .forcing)
    let later = try adapters(life, 5)
    #expect(later.count == 4 && now.allSatisfy { later[$0.key] == $0.value })
    let second = try #require(
      life.open(.read).database.examples(learnedBy: 4).first { $0.identifier.hasPrefix("row-1-") })
    let again = try life.forget([second.identifier], force: "a test")
    #expect(again.weights == .relearned && again.adapters == [1])
    try expectGone(second, life)
  }

  @Test func stoppedItGoesOn() throws {
    let life = try trained([[0, 1], [2, 3]])
    let before = try adapters(life, 2)
    let gone = try #require(life.open(.read).database.examples(learnedBy: 1).first)
    var steps = 0
    #expect(throws: LifeError.interrupted) {
      _ = try life.open().forget(
        [gone.identifier], force: "a test", life.modality,
        shouldStop: {
          steps += 1
          return steps > 12
        })
    }
    let receipt = try life.open().forget([], force: "a test", life.modality)
    #expect(receipt.weights == .relearned && receipt.adapters == [0] && receipt.cleared == [1, 2])
    let now = try adapters(life, receipt.version)
    #expect(now[1] == before[1] && now[0] != before[0])
    try expectGone(gone, life)
  }

  /// A label that a later update had too: its row of the head is the first one's, and the later adapters were learned on it.
  @Test func whatWasLearnedOnTopIsLearnedAgainToo() throws {
    let life = try trained([[0, 1], [1, 2], [3, 4]])
    let before = try adapters(life, 3)
    let gone = try #require(life.open(.read).database.examples(learnedBy: 1).first)
    let receipt = try life.forget([gone.identifier], force: "a test")
    #expect(receipt.adapters == [0, 1] && receipt.weights == .relearned)
    let now = try adapters(life, receipt.version)
    #expect(now[0] != before[0] && now[1] != before[1] && now[2] == before[2])
  }

  @Test func modelsThatKeepNothingApartCannotDrop() throws {
    let life = try Life()
    try life.learn(Life.rows([0, 1], 0..<40))
    let example = try #require(life.open(.read).database.examples(learnedBy: 1).first)
    #expect(throws: LifeError.notSharded(version: 1)) { try life.forget([example.identifier], .drop) }
    #expect(try !life.files(holding: example.payload).isEmpty, "nothing is done then")
    // Everything is learned again where that is asked for.
    let sharded = try trained([[0, 1], [2, 3]])
    let gone = try #require(sharded.open(.read).database.examples(learnedBy: 2).first)
    let receipt = try sharded.forget([gone.identifier], .rebuild, force: "a test")
    #expect(receipt.weights == .rebuilt && receipt.rebuiltFrom == 1 && receipt.adapters.isEmpty)
  }
}
