import Foundation
import GRDB
import Perennial
import Testing
import Torch

@testable import PerennialLife

/// What is forgotten is nowhere, and the model is what it would have been.
@Suite struct ForgettingTests {
  @Test func bytesAreFoundWhereverTheyLie() throws {
    let scratch = try Scratch()
    let file = scratch.url.appendingPathComponent("bytes")
    let needle = Data("needle".utf8)
    // Across the border of what is read at once, at both ends, and nowhere.
    for place in [0, (4 << 20) - 3, (4 << 20) + 2, (9 << 20) - needle.count] {
      var bytes = Data(repeating: UInt8(ascii: "n"), count: 9 << 20)
      bytes.replaceSubrange(place..<place + needle.count, with: needle)
      let own = scratch.url.appendingPathComponent("bytes-\(place)")
      try bytes.write(to: own)
      #expect(try ByteSearch(own).finds(anyOf: [Data("absent".utf8), needle]), "\(place)")
    }
    try Data(repeating: UInt8(ascii: "n"), count: 9 << 20).write(to: file)
    #expect(try !ByteSearch(file).finds(anyOf: [needle, Data()]))
    #expect(throws: LifeError.self) { try ByteSearch(scratch.url.appendingPathComponent("nowhere")) }
  }

  /// The bytes of a row as a replay memory keeps it.
  private func raw(_ payload: Data) -> Data {
    let cells = String(decoding: payload, as: UTF8.self).split(separator: ",").compactMap { Float($0) }
    return cells.withUnsafeBytes { Data($0) }
  }

  private func expectGone(_ input: LabeledInput, _ life: Life) throws {
    let identifier = try #require(input.identifier)
    for trace in [
      input.payload, raw(input.payload), Data(identifier.utf8), try LifeDatabase.digest(input.payload),
    ] {
      #expect(try life.files(holding: trace).isEmpty)
    }
  }

  @Test func anExampleIsErasedFromEveryByte() throws {
    let life = try Life()
    let records = Life.rows([0, 1], 0..<40)
    try life.learn(records)
    try life.learn(Life.rows([2], 0..<40))
    let memory = try life.open(.read).store.state(of: life.open(.read).store.current()).scoped(
      "strategy/replay")
    let kept = Set(try memory.requireTensor("identifiers").integers())
    let stored = try life.open(.read).database.examples(learnedBy: 1)
    let example = try #require(stored.first { kept.contains($0.number) })
    let input = try #require(records.inputs.first { $0.identifier == example.identifier })
    #expect(!(try life.files(holding: input.payload).isEmpty), "the test would not notice")
    #expect(try life.files(holding: raw(input.payload)).contains { $0.hasPrefix("blobs/") })

    let receipt = try life.forget([example.identifier], .erase)
    #expect(
      receipt.examples == 1 && receipt.memories >= 1 && receipt.weights == .kept && receipt.version == 2)
    #expect(receipt.rewritten.contains(2))
    try expectGone(input, life)
    try life.open(.read).checkAudit()
    #expect(try life.open(.read).store.current().version == 2)
    // It is known again, and not taken in again.
    let again = try life.open().take(InputRecords(inputs: [input]))
    #expect(again.forgotten == 1 && again.accepted == 0)
    try expectGone(input, life)
    #expect(throws: LifeError.unknownExamples([example.identifier])) { try life.forget([example.identifier]) }
  }

  /// What was corrected is in two updates; learning again takes it once.
  @Test func afterACorrectionItIsLearnedAgainOnce() throws {
    let life = try Life()
    try life.learn(Life.rows([0, 1], 0..<40))
    try life.learn(Life.rows([2], 0..<40))
    try life.learn(Life.rows([2], 3..<4, as: { _ in 1 }), options: .forcing)
    let gone = try #require(
      life.open(.read).database.examples(learnedBy: 2).first { $0.identifier != "row-2-3" })
    #expect(try life.forget([gone.identifier], force: "a test").weights == .rebuilt)
    let version = try life.open(.read).store.current().version
    let learned = try life.open(.read).database.examples(learnedBy: version).map(\.identifier)
    #expect(learned.count { $0 == "row-2-3" } == 1 && Set(learned).count == learned.count)
  }

  @Test func aHeadThatCountsIsAsIfItHadNeverSeenIt() throws {
    let (life, other) = (try Life(Life.counting), try Life(Life.counting))
    let records = Life.rows([0, 1, 2], 0..<40)
    try life.learn(records)
    let gone = try #require(life.open(.read).database.examples(learnedBy: 1).first)
    try life.learn(Life.rows([3], 0..<40))
    let receipt = try life.forget([gone.identifier])
    #expect(receipt.weights == .unlearned && receipt.rewritten == [1, 2] && receipt.seconds < 5)
    try expectGone(try #require(records.inputs.first { $0.identifier == gone.identifier }), life)

    // The same inputs but for the one, with the same ones held out.
    let held = try life.open(.read).database.read {
      try LifeDatabase.examples(.holdout, [.learned], in: $0).map(\.identifier)
    }
    let all = records.inputs + Life.rows([3], 0..<40).inputs
    try other.learn(
      InputRecords(
        inputs: all.filter { $0.identifier != gone.identifier && !held.contains($0.identifier ?? "") }),
      changes: ["holdout=0"])
    for path in ["gram", "sums", "counts"] {
      let (one, two) = (try tensor(path, life), try tensor(path, other))
      #expect(one.shape == two.shape)
      let difference =
        try zip(one.array(of: Double.self), two.array(of: Double.self)).map { abs($0 - $1) }.max() ?? 1
      // Features are float32, and rounded by the batch that they are computed in.
      #expect(difference < 1e-5, "\(path)")
    }
  }

  private func tensor(_ name: String, _ life: Life) throws -> Tensor {
    let store = try life.open(.read).store
    let model = try store.state(of: store.current()).scoped("model").tensors
    return try #require(model.first { $0.key.hasSuffix(".\(name)") }?.value)
  }

  @Test func weightsAreLearnedAgainFromTheLastVersionThatHadNotSeenIt() throws {
    let life = try Life()
    try life.learn(Life.rows([0, 1], 0..<40))
    let second = Life.rows([2], 0..<40)
    try life.learn(second)
    try life.learn(Life.rows([3], 0..<40))
    let gone = try #require(life.open(.read).database.examples(learnedBy: 2).first)
    let receipt = try life.forget([gone.identifier])
    #expect(receipt.weights == .rebuilt, "\(receipt.verdict?.lines ?? [])")
    #expect(receipt.version == 4 && receipt.rebuiltFrom == 1 && receipt.cleared == [2, 3])
    try expectGone(try #require(second.inputs.first { $0.identifier == gone.identifier }), life)
    let directory = try life.open(.read)
    #expect(directory.store.numbers() == [0, 1, 4])
    #expect(try directory.evaluate(on: Life.rows([0, 1, 2, 3], 100..<120), life.modality).accuracy > 0.9)
    #expect(throws: LifeError.self) { try life.open().rollback(to: 3) }
    #expect(try directory.database.examples(learnedBy: 4).count == 71)
  }

  @Test func anExampleThatJudgesIsOnlyErased() throws {
    let life = try Life()
    try life.learn(Life.rows([0, 1], 0..<40))
    let held = try life.open(.read).database.read { try LifeDatabase.examples(.holdout, [.learned], in: $0) }
    let receipt = try life.forget([held[0].identifier])
    #expect(receipt.weights == .unseen && receipt.rewritten.isEmpty && receipt.version == 1)
    #expect(try life.files(holding: held[0].payload).isEmpty)
  }

  @Test func servedPredictionsAreForgottenToo() throws {
    let life = try Life()
    try life.learn(Life.rows([0, 1], 0..<40))
    let payloads = Life.rows([0], 600..<603).inputs.map(\.payload)
    try life.open().record(
      payloads.enumerated().map {
        ServedPrediction(
          identifier: "served-\($0)", version: 1, payload: $1, label: "class 0", probability: 1)
      })
    let receipt = try life.forget(["served-1"])
    #expect(receipt.served == 1 && receipt.examples == 0)
    #expect(
      try life.files(holding: payloads[1]).isEmpty && life.files(holding: Data("served-1".utf8)).isEmpty)
    #expect(!(try life.files(holding: payloads[0]).isEmpty))
    #expect(throws: LifeError.unknownExamples(["nobody"])) { try life.forget(["served-0", "nobody"]) }
    #expect(!(try life.files(holding: payloads[0]).isEmpty), "nothing goes where something is unknown")
  }

  /// However many predictions were served, those to forget are found without reading the others.
  @Test(arguments: [Erasure.servedAs, Erasure.servedAndTold, Erasure.servedLike])
  func servedPredictionsAreFoundByAnIndex(_ lookup: String) throws {
    let life = try Life()
    let plan = try life.open(.read).database.read { db in
      try Row.fetchAll(db, sql: "EXPLAIN QUERY PLAN \(lookup)", arguments: ["x"]).map {
        $0["detail"] as String
      }
    }
    #expect(plan.count == 1 && plan[0].hasPrefix("SEARCH served USING"), "\(plan)")
  }

  @Test func predictionsOfAnInputGoWithItsExample() throws {
    let life = try Life()
    let records = Life.rows([0, 1], 0..<40)
    try life.learn(records)
    let gone = try #require(life.open(.read).database.examples(learnedBy: 1).first)
    // The same input asked about before and after, once with its label told.
    try life.open().record(
      ["one", "two", "three"].map {
        ServedPrediction(identifier: $0, version: 1, payload: gone.payload, label: "class 0", probability: 1)
      })
    try life.open().record(feedback: [ServedLabel(prediction: "two", label: "class 0")])
    let receipt = try life.forget([gone.identifier], .erase)
    #expect(receipt.served == 3 && receipt.examples == 1)
    try expectGone(try #require(records.inputs.first { $0.identifier == gone.identifier }), life)
  }

  /// Erasing from memories leaves weights where they are.
  @Test func weightsAreNotWrittenAnewForMemories() throws {
    let life = try Life()
    try life.learn(Life.rows([0, 1], 0..<40))
    let store = try life.open(.read).store
    let before = try store.current().blobs
    let example = try #require(life.open(.read).database.examples(learnedBy: 1).first)
    let receipt = try life.forget([example.identifier], .erase)
    let after = try store.current().blobs
    #expect(receipt.memories == 1 && receipt.rewritten == [1])
    #expect(after["model"] == before["model"] && after["state"] != before["state"])
    #expect(Set(after.keys) == Set(before.keys))
  }
}
