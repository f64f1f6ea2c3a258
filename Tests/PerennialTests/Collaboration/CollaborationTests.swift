import Foundation
import Testing
import Torch

@testable import Perennial

@Suite struct CollaborationTests {
  static let recipe = """
    name: together
    stream: {data: clusters, scenario: class, experiences: 1}
    model: tiny
    training: {optimizer: {sgd: {lr: 0.05}}, batch: 8, epochs: 3}
    collaboration: {method: fed-df, public: 18, rounds: 2, classes: 3, patience: 0.1}
    strategies: {one: [], other: []}
    seeds: [0]
    """

  static func participant(_ name: String, _ place: TemporaryPlace, _ change: String? = nil) throws
    -> Participant
  {
    let recipe = try Recipe(
      yaml: recipe, source: "test", changes: change.map { [.set($0)] } ?? [])
    return try Participant(recipe, name: name, seed: 0, exchange: place.url, modality: TinyModality())
  }

  static func answers(_ labels: [Int], _ rows: [[Float]]) throws -> Exchange.Answers {
    .init(outputs: try Tensor(rows.flatMap(\.self), shape: [rows.count, labels.count]), labels: labels)
  }

  @Test func theConsensusIsTheMeanOfThoseThatKnowAClass() throws {
    let consensus = try Consensus([
      Self.answers([3, 1], [[1, 2], [5, 6]]), Self.answers([1, 7], [[4, 8], [0, 9]]),
    ])
    #expect(consensus.labels == [1, 3, 7])
    #expect(try consensus.outputs.floats() == [3, 1, 8, 3, 5, 9])
    #expect(try consensus.targets().integers() == [7, 7])
  }

  @Test func sharesAreApartAndCoverTheirClasses() throws {
    let examples = try Clusters().source().train
    var plan = Collaboration()
    (plan.public, plan.classes) = (12, 3)
    let shares = try (0..<2).map { try Shares(examples, plan, index: $0, of: 2, seed: 4) }
    #expect(try shares[0].public.identifiers.integers() == shares[1].public.identifiers.integers())
    let sets = try (shares.map(\.own) + [shares[0].public]).map { Set(try $0.identifiers.integers()) }
    #expect(
      sets.reduce(0) { $0 + $1.count } == examples.count && sets.reduce(Set()) { $0.union($1) }.count == 72)
    #expect(try shares.map { Set(try $0.own.targets.integers()) } == [[0, 1, 2], [3, 4, 5]])
  }

  /// A round waits for nobody for ever: who is missing is recorded, and what was learned stays.
  @Test func roundsGoOnWithoutMissingParticipants() throws {
    let place = TemporaryPlace()
    let record = try Self.participant("one", place).run()
    #expect(record.rounds.count == 2)
    #expect(record.rounds.allSatisfy { $0.missing.keys.sorted() == ["other"] })
    #expect(record.rounds[0].missing["other"]?.contains("no answer within") == true)
    #expect(CollaborationRecord(of: "one", in: place.url) == record)
  }

  /// One alone knows 3 of 6 classes; from the other's predictions it learns those that it never saw.
  @Test func participantsLearnClassesOfEachOther() throws {
    let place = TemporaryPlace()
    // The other is right about everything that is public, and has answered both rounds already.
    let recipe = try Recipe(yaml: Self.recipe, source: "test")
    let all = try TinyModality().stream(recipe, seed: 0).experience(0).examples
    let shares = try Shares(all, #require(recipe.collaboration), index: 1, of: 2, seed: 0)
    let exchange = try Exchange(place.url, public: shares.public)
    let rows = try shares.public.targets.integers().map { label in (0..<6).map { $0 == label ? Float(8) : 0 }
    }
    for round in 1...2 { try exchange.publish(Self.answers(Array(0..<6), rows), of: "other", round: round) }
    let record = try Self.participant("one", place, "collaboration.digest=60").run()
    #expect(record.rounds.allSatisfy { $0.missing.isEmpty })
    #expect(record.alone <= 0.5 && record.together > record.alone, "\(record)")
  }

  @Test func damagedAnswersAreLeftOut() throws {
    let place = TemporaryPlace()
    let folder = place.url.appendingPathComponent("1")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    try Data("no answers".utf8).write(to: folder.appendingPathComponent("other.safetensors"))
    let strangers = try Clusters(seed: 9).source().train.select(Array(0..<5))
    let foreign = try Exchange(place.url, public: strangers)
    try foreign.publish(Self.answers([0], [[1]]), of: "other", round: 2)
    let record = try Self.participant("one", place).run()
    #expect(record.rounds[0].missing["other"] != nil)
    #expect(record.rounds[1].missing["other"]?.contains("other public examples") == true)
  }

  @Test func impossibleCollaborationsAreRefused() throws {
    let place = TemporaryPlace()
    #expect(throws: CollaborationError.unknownParticipant("nobody", known: ["one", "other"])) {
      try Self.participant("nobody", place)
    }
    #expect(throws: CollaborationError.tooFewExamples(72, public: 72)) {
      try Self.participant("one", place, "collaboration.public=72")
    }
    #expect(throws: CollaborationError.needsOneExperience(2)) {
      try Self.participant("one", place, "stream.experiences=2")
    }
    #expect(throws: ConfigurationError.self) { try Self.participant("one", place, "collaboration.rounds=0") }
  }
}
