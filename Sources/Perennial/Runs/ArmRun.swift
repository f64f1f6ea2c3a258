import Foundation
import Torch

/// One strategy of a recipe learning the stream with one seed: the learner, what was measured so far, and where it
/// stands, as one state that can be saved after any step.
final class ArmRun {
  let learner: Learner
  let stream: Stream
  private(set) var record: AccuracyMatrix
  /// The experience being learned, or to be learned next.
  private(set) var experience = 0
  private let evaluator: Evaluator
  private let evaluateEvery: Int?
  private var correct: [[Bool]] = []
  private var curve: [Double] = []

  /// Batches of an experience after which its own test set is scored, for the learning-curve area.
  private static let curveBatches = 10
  private static let curveExamples = 500

  init(recipe: Recipe, arm: Recipe.Arm, seed: Int, modality: any Modality, device: Device) throws {
    stream = try modality.stream(recipe, seed: UInt64(seed))
    let strategies = try arm.strategies.map { try StrategyRegistry.make($0) }
    learner = try Learner(
      modality.trainedBlueprint(recipe, for: stream), objective: ObjectiveRegistry.make(recipe.objective),
      optimizer: recipe.training.optimizer.make(), strategies: strategies,
      options: recipe.training.options(online: recipe.stream.online), pipeline: stream.pipeline,
      seed: UInt64(seed), device: device)
    evaluator = Evaluator(stream)
    evaluateEvery = recipe.training.evaluateEvery
    record = AccuracyMatrix(experiences: stream.count)
    let facts = try StreamFacts(
      stream, objective: learner.objective, recipe, strategies: strategies.map(\.name))
    for strategy in strategies { try strategy.check(facts) }
  }

  var isDone: Bool { experience >= stream.count }
  var isLearning: Bool { learner.session != nil }
  var steps: Int { learner.totalSteps }
  /// Steps of the whole run, guessed from the experience being learned.
  var expectedSteps: Int {
    guard let session = learner.session else { return max(steps, 1) }
    return steps - session.step + session.steps * (stream.count - experience)
  }

  /// Scores before any learning.
  func scoreUntrained() throws {
    guard record.randomInit == nil else { return }
    try evaluating {
      let look = try evaluator.look(at: learner, allClassesCompete: true)
      try record.record(randomInit: look.scores.map(\.score))
    }
  }

  func begin() throws {
    try training { try learner.begin(stream.experience(experience)) }
    curve = []
    try scoreCurve()
  }

  func step() throws -> Double {
    let loss = try training { try learner.step() }
    try scoreCurve()
    if let evaluateEvery, let session = learner.session, session.step % evaluateEvery == 0 {
      try evaluating {
        let look = try evaluator.look(at: learner)
        try record.recordMoment(look.scores.map(\.score), step: learner.totalSteps, seen: experience + 1)
      }
    }
    return loss
  }

  /// Finishes the experience and scores all test sets.
  func end() throws -> [Double] {
    try training { try learner.end() }
    return try evaluating {
      let look = try evaluator.look(at: learner)
      try record.append(look.scores)
      if !curve.isEmpty { try record.recordLearningCurve(curve) }
      if experience > 0, !look.correct.isEmpty {
        let flips = try (0..<experience).map { try FlipCounts(before: correct[$0], after: look.correct[$0]) }
        record.recordFlips(flips.reduce(FlipCounts(), +))
      }
      correct = look.correct
      record.cost.parametersByExperience =
        (record.cost.parametersByExperience ?? []) + [learner.model.learnedCount]
      experience += 1
      return look.scores.map(\.score)
    }
  }

  /// What learning has cost so far.
  func takeStock() {
    record.cost.steps = learner.totalSteps
    record.cost.parameters = learner.model.learnedCount
    record.cost.replayBytes = learner.strategies.reduce(0) { $0 + $1.replayBytes }
    record.cost.peakMemoryBytes = max(record.cost.peakMemoryBytes, PeakMemory.bytes)
    record.cost.examplesPerSecond =
      record.cost.trainingSeconds > 0 ? Double(learner.totalExamples) / record.cost.trainingSeconds : 0
  }

  private func scoreCurve() throws {
    guard let session = learner.session, session.step <= Self.curveBatches, curve.count <= session.step else {
      return
    }
    try evaluating { curve.append(try evaluator.score(experience, of: learner, limit: Self.curveExamples)) }
  }

  private func training<Result>(_ body: () throws -> Result) rethrows -> Result {
    let start = ContinuousClock.now
    defer { record.cost.trainingSeconds += (ContinuousClock.now - start).seconds }
    return try body()
  }

  private func evaluating<Result>(_ body: () throws -> Result) rethrows -> Result {
    let start = ContinuousClock.now
    defer { record.cost.evaluationSeconds += (ContinuousClock.now - start).seconds }
    return try body()
  }
}

// MARK: - Saving and going on

extension ArmRun {
  func state() throws -> State {
    takeStock()
    var state = State()
    state["experience"] = experience
    state["threads"] = Runtime.threads
    state["record"] = record
    state["curve"] = curve
    state["learning"] = isLearning
    for (index, right) in correct.enumerated() { state.tensors["correct/\(index)"] = try Tensor(right) }
    state.set(try learner.state(), under: "learner")
    return state
  }

  /// Whether every parameter is a number: what is not is no state to go on from.
  func isFinite() throws -> Bool { try noGrad { try learner.vector.values.isFinite().all().item() == 1 } }

  func restore(_ state: State) throws {
    experience = try state.require("experience")
    record = try state.require("record")
    curve = try state.require("curve")
    let right = state.scoped("correct").tensors
    correct = try (0..<right.count).map { try right["\($0)"]?.array() ?? [] }
    let isLearning: Bool = try state.require("learning")
    try learner.restore(
      state.scoped("learner"), experience: isLearning ? stream.experience(experience) : nil,
      past: { try self.stream.experience($0) })
  }
}

extension Duration {
  var seconds: Double { Double(components.seconds) + Double(components.attoseconds) * 1e-18 }
}
