import Foundation
import Torch

/// One of several models that learn together: alone in its process with its own data.
public final class Participant {
  private let plan: Collaboration
  private let recipe: Recipe
  private let arm: Recipe.Arm
  private let seed: Int
  private let maker: LearnerMaker
  private let stream: Stream
  private let shares: Shares
  private let exchange: Exchange
  private let others: [String]
  private let say: (String) -> Void

  /// - Parameters:
  ///   - name: an arm of the recipe.
  ///   - exchange: the folder that all participants share.
  ///   - say: is told how it goes.
  /// - Throws: `CollaborationError`, or what reading data and making the model throws.
  public init(
    _ whole: Recipe, name: String, seed: Int, exchange: URL, modality: any Modality, device: Device = .cpu,
    say: @escaping (String) -> Void = { _ in }
  ) throws {
    guard let plan = whole.collaboration else { throw CollaborationError.notPartOfRecipe }
    guard let index = whole.arms.firstIndex(where: { $0.name == name }) else {
      throw CollaborationError.unknownParticipant(name, known: whole.armNames)
    }
    (self.plan, self.seed, self.say) = (plan, seed, say)
    arm = whole.arms[index]
    recipe = whole.resolved(for: arm)
    stream = try modality.stream(recipe, seed: UInt64(seed))
    guard stream.count == 1 else { throw CollaborationError.needsOneExperience(stream.count) }
    let all = try stream.experience(0).examples
    shares = try Shares(all, plan, index: index, of: whole.arms.count, seed: UInt64(seed))
    self.exchange = try Exchange(exchange, public: shares.public)
    maker = LearnerMaker(
      recipe: recipe, arm: arm, seed: seed, modality: modality, stream: stream, device: device)
    others = whole.armNames.filter { $0 != name }
  }

  /// Learns with the others, then once more without them, and leaves its model and record in the exchange folder.
  public func run() throws -> CollaborationRecord {
    let teacher = ConsensusTeacher()
    let learner = try maker.make(adding: [distillation(teacher)])
    guard learner.objective.isClassification else { throw CollaborationError.needsClasses }
    var record = CollaborationRecord(
      participant: arm.name, seed: seed, parameters: learner.model.learnedCount, examples: shares.own.count)
    try learn(shares.own, learner)
    record.initial = try score(learner)
    say("\(arm.name): \(NumberText.fixed(100 * record.initial, 1)) % alone with its own data")
    for round in 1...plan.rounds {
      let own = try answers(learner)
      try exchange.publish(own, of: arm.name, round: round)
      let (gathered, missing) = exchange.gather(others, round: round, patience: plan.patience)
      for (name, reason) in missing.sorted(by: { $0.key < $1.key }) {
        say("\(arm.name): round \(round) goes on without \(name): \(reason)")
      }
      let consensus = try Consensus([own] + gathered.sorted { $0.key < $1.key }.map(\.value))
      teacher.consensus = consensus
      try learn(shares.public.with(targets: consensus.targets()), learner, passes: plan.digest)
      teacher.consensus = nil
      if plan.revisit > 0 { try learn(shares.own, learner, passes: plan.revisit) }
      record.rounds.append(.init(score: try score(learner), missing: missing))
      say(
        "\(arm.name): \(NumberText.fixed(100 * record.together, 1)) % after round \(round) of \(plan.rounds)")
    }
    record.alone = try alone()
    try leave(record, learner)
    return record
  }

  /// The same model with as many passes over the own data, and no others.
  private func alone() throws -> Double {
    let learner = try maker.make()
    try learn(shares.own, learner)
    if plan.revisit > 0 { for _ in 0..<plan.rounds { try learn(shares.own, learner, passes: plan.revisit) } }
    return try score(learner)
  }

  private func distillation(_ source: ConsensusTeacher) throws -> Distillation {
    var options = Distillation.Options()
    options.hard = 0
    var soft = SoftTargets.Options()
    soft.temperature = 1
    let term: any DistillationTerm =
      plan.method == .fedMD ? LogitMatching(LogitMatching.Options()) : SoftTargets(soft)
    return try Distillation(source, terms: [(term, 1)], options: options)
  }

  /// Learns some examples: as long as the recipe says, or so many passes.
  private func learn(_ examples: Examples, _ learner: Learner, passes: Int? = nil) throws {
    try learner.begin(Experience(index: 0, name: arm.name, examples: examples))
    let batch = recipe.training.batch
    var left = passes.map { $0 * max((examples.count + batch - 1) / batch, 1) } ?? .max
    while let session = learner.session, !session.isDone, left > 0 {
      try learner.step()
      left -= 1
    }
    try learner.end()
  }

  private func answers(_ learner: Learner) throws -> Exchange.Answers {
    let examples = shares.public
    let pieces = try stride(from: 0, to: examples.count, by: 500).map {
      try learner.ask(examples, Tensor.arange($0, min($0 + 500, examples.count)), task: nil)
    }
    return .init(outputs: try Tensor.concatenate(pieces).to(.cpu), labels: learner.classes.labels)
  }

  private func score(_ learner: Learner) throws -> Double { try learner.score(stream.test(0), task: nil) }

  private func leave(_ record: CollaborationRecord, _ learner: Learner) throws {
    let place = exchange.folder.appendingPathComponent(arm.name)
    let data = try Safetensors.encode(
      learner.model.stateDictionary(),
      metadata: ["format": "pt", TrainedWeights.labelsKey: "\(learner.classes.labels)"])
    try AtomicFile.write(data, to: place.appendingPathExtension("safetensors"))
    try AtomicFile.write(
      Data(OrderedJSON.text(record).utf8), to: place.appendingPathExtension("json"))
  }
}
