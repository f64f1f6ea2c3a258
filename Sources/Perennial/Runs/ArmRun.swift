import Foundation
import Torch

/// One strategy of a recipe learning the stream with one seed: the learner, what was measured so far, and where it
/// stands, as one state that can be saved after any step.
final class ArmRun {
  let learner: Learner
  let stream: Stream
  let arm: Recipe.Arm
  private(set) var record: AccuracyMatrix
  /// The experience being learned, or to be learned next.
  private(set) var experience = 0
  /// What happened since it was last asked for, to be told.
  private var news: [(RunPosition) -> RunEvent] = []
  private let evaluator: Evaluator
  private let maker: LearnerMaker
  private var prequential: PrequentialEvaluator?
  private let tune: ContinualGridSearch.Options?
  private var budget: ForgettingBudget?
  /// Where the experience began, and the strengths of the recipe.
  private var start: State?
  private let strengths: [String: Double]
  private let evaluateEvery: Int?
  private var correct: [[Bool]] = []
  private var curve: [Double] = []

  /// Batches of an experience after which its own test set is scored, for the learning-curve area.
  private static let curveBatches = 10
  private static let curveExamples = 500

  /// - Parameters:
  ///   - finished: the weights of an arm or a teacher that was trained before, with the same seed.
  ///   - keep: takes the weights of a teacher that was trained for this arm.
  ///   - interrupt: called before every step of such a training; what it throws ends it.
  init(
    recipe whole: Recipe, arm: Recipe.Arm, seed: Int, modality: any Modality, device: Device,
    finished: @escaping (String) -> URL? = { _ in nil },
    keep: @escaping (String, Data) throws -> Void = { _, _ in }, interrupt: @escaping () throws -> Void = {}
  ) throws {
    self.arm = arm
    let recipe = whole.resolved(for: arm)
    let stream = try modality.stream(recipe, of: arm, seed: UInt64(seed))
    self.stream = stream
    let room = TeacherRoom(
      recipe: whole, modality: modality, stream: stream, seed: seed, device: device, finished: finished,
      keep: keep, interrupt: interrupt)
    maker = LearnerMaker(
      recipe: recipe, arm: arm, seed: seed, modality: modality, stream: stream, device: device,
      teachers: try room.teachers(of: arm.strategies.map { try StrategyRegistry.make($0) }, for: arm))
    learner = try maker.make()
    if let start = arm.start { try Self.start(learner, from: start, finished(start)) }
    strengths = learner.strengths
    let isClassification = learner.objective.isClassification
    prequential = recipe.stream.prequential.map {
      PrequentialEvaluator($0, isClassification: isClassification)
    }
    tune = recipe.training.tune
    budget = recipe.training.maxForgetting.map { ForgettingBudget(limit: $0) }
    evaluator = Evaluator(stream)
    evaluateEvery = recipe.training.evaluateEvery
    record = AccuracyMatrix(experiences: stream.count)
    if learner.objective.scoreKind != .accuracy { record.scoreKind = learner.objective.scoreKind }
    let facts = try StreamFacts(
      stream, objective: learner.objective, recipe, strategies: learner.strategies.map(\.name),
      teachers: TeacherRoom.names(in: whole, for: arm))
    for strategy in learner.strategies { try strategy.check(facts) }
  }

  private static func start(_ learner: Learner, from arm: String, _ url: URL?) throws {
    guard let url else { throw DistillationError.teacher(arm, "has not been trained: run its arm too") }
    let trained = TrainedWeights(try Safetensors.read(url))
    guard let outputs = trained.outputs(learner.model) else { return }
    try learner.start(from: trained.tensors, outputs: outputs, labels: trained.labels)
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
    let next = try stream.experience(experience)
    try prepare(next)
    try training { try learner.begin(next) }
    curve = []
    try scoreCurve()
  }

  func step() throws -> Double {
    if let point = try evaluating({ try prequential?.precede(learner) }) {
      let step = steps
      news.append { .prequential($0, step: step, point) }
    }
    let loss = try training { try learner.step() }
    if learner.boundaries.last == steps, learner.boundaries.count > record.boundaries?.count ?? 0 {
      record.boundaries = learner.boundaries
      prequential?.markBoundary()
      let step = steps
      news.append { .boundary($0, step: step) }
    }
    if let prequential { record.prequential = prequential.record }
    try scoreCurve()
    if let evaluateEvery, let session = learner.session, session.step % evaluateEvery == 0 {
      try evaluating {
        let look = try evaluator.look(at: learner, after: self.experience)
        let experience = session.experience
        try record.recordMoment(
          look.scores.map(\.score), step: learner.totalSteps, seen: self.experience + 1,
          validation: experience.validation.map { try learner.score($0, task: experience.task) })
      }
    }
    return loss
  }

  /// Finishes the experience and scores all test sets; nil where it has to be learned again.
  func end() throws -> [Double]? {
    try training { try learner.end() }
    guard try keepsBudget() else { return nil }
    return try evaluating {
      let look = try evaluator.look(at: learner, after: experience)
      try record.append(look.scores)
      if !curve.isEmpty { try record.recordLearningCurve(curve) }
      if experience > 0, !look.correct.isEmpty, !stream.replacesTests {
        let flips = try (0..<experience).map { try FlipCounts(before: correct[$0], after: look.correct[$0]) }
        record.recordFlips(flips.reduce(FlipCounts(), +))
      }
      correct = look.correct
      try scorePeers()
      record.cost.parametersByExperience =
        (record.cost.parametersByExperience ?? []) + [learner.model.learnedCount]
      experience += 1
      return look.scores.map(\.score)
    }
  }

  private func scorePeers() throws {
    let step = steps
    for peer in learner.strategies.flatMap(\.peers) {
      let scores = try evaluator.scores(of: peer.network, beside: learner, count: experience + 1)
      news.append { .peer($0, step: step, name: peer.name, accuracies: scores) }
    }
  }

  /// What is to be told, once.
  func tell(_ position: RunPosition) -> [RunEvent] {
    defer { news = [] }
    return news.map { $0(position) }
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

  /// Compares the finished model with its teachers, and measures what it takes to use.
  func compare() throws {
    try evaluating {
      let first = try stream.test(0)
      let input = try noGrad {
        try learner.pipeline(first.inputs, Tensor.arange(0, 1), augmentation: nil, device: learner.device)
      }
      record.cost.multiplyAdds = try learner.multiplyAdds(input)
      record.cost.latencySeconds = try learner.latency(input)
      let readings = learner.strategies.compactMap { $0 as? Distillation }.flatMap(\.readings)
      var transfer = TransferRecord(terms: readings)
      if let probe = try TransferProbe(learner, stream) {
        record.calibrationError = try probe.calibrationError()
        record.outOfScopeDetection = try stream.source.outOfScope.flatMap(probe.detection)
        transfer.comparisons = try probe.comparisons()
      }
      if !transfer.isEmpty { record.transfer = transfer }
    }
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

// MARK: - Strengths

extension ArmRun {
  /// Chooses what the experience is learned with, and notes where it begins.
  private func prepare(_ next: Experience) throws {
    if let budget, budget.attempt > 1 {
      if let start {
        try learner.restore(start.copied(), experience: nil, past: { try stream.experience($0) })
      }
      strengthen()
      return
    }
    learner.strengths = strengths
    if let tune {
      let before = try learner.state().copied()
      let search = ContinualGridSearch(options: tune) { [maker, stream] isPlain in
        let trial = try maker.make(isPlain: isPlain)
        var state = try before.copied()
        if isPlain { state["strategies"] = [String]() }
        try trial.restore(state, experience: nil, past: { try stream.experience($0) })
        return trial
      }
      let choice = try training { try search.choose(for: next, isFirst: experience == 0) }
      record.tuning = (record.tuning ?? []) + [choice]
      let step = steps
      news.append { .tuned($0, step: step, choice) }
      useChoice()
    }
    if budget != nil { start = try learner.state().copied() }
  }

  private func useChoice() {
    guard let choice = record.tuning?.last else { return }
    learner.baseLearningRate = choice.learningRate
    learner.strengths = choice.strengths
  }

  /// The strengths of this try of the experience.
  private func strengthen() {
    learner.strengths = strengths
    useChoice()
    let factor = (1..<(budget?.attempt ?? 1)).reduce(1.0) { product, _ in product * ForgettingBudget.growth }
    learner.strengths = learner.strengths.mapValues { $0 * factor }
  }

  private func keepsBudget() throws -> Bool {
    guard var budget else { return true }
    let accuracies = try evaluating {
      try (0...experience).map { index in
        let known = try stream.experience(index)
        return try known.validation.map { try learner.score($0, task: known.task) } ?? 0
      }
    }
    let outcome = budget.outcome(accuracies, strengths: learner.strengths)
    let step = steps
    if experience > 0 { news.append { .forgot($0, step: step, outcome) } }
    let isAgain = budget.triesAgain(after: outcome)
    if isAgain {
      record.dropMoments(after: start?["steps"] ?? 0)
    } else {
      budget.accept(accuracies)
      if experience > 0 { record.forgettingBudget = (record.forgettingBudget ?? []) + [outcome] }
    }
    self.budget = budget
    return !isAgain
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
    state["prequential"] = prequential
    state["budget"] = budget
    if let start { state.set(start, under: "start") }
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
    prequential = state["prequential"] ?? prequential
    budget = state["budget"] ?? budget
    if budget != nil { start = state.scoped("start") }
    if isLearning || budget?.attempt ?? 1 > 1 { strengthen() }
    try learner.restore(
      state.scoped("learner"), experience: isLearning ? stream.experience(experience) : nil,
      past: { try self.stream.experience($0) })
  }
}

extension Duration {
  var seconds: Double { Double(components.seconds) + Double(components.attoseconds) * 1e-18 }
}
