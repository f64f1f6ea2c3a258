import Foundation
import Perennial
import Torch

/// The training of a candidate: (state, examples, configuration) → state, and nothing else.
///
/// It writes only below `work/`, from where it goes on with the same numbers after it was stopped at any point.
struct Training {
  let configuration: LifeConfiguration
  let parent: VersionManifest
  /// The parent's state as the store reads it.
  let parentState: State
  /// What is learned: one experience after the other.
  let batches: [[StoredExample]]
  /// Examples of the experiences on the way to the parent, the oldest first, for strategies that keep all data.
  let past: (Int) throws -> [StoredExample]
  /// How many experiences there were.
  let experience: Int
  /// The numbers of what is learned, where they do not follow on those that there were.
  var numbers: [Int]?
  let inputs: any LiveInputs
  let work: URL?
  let tell: (LifeEvent) -> Void
  let shouldStop: () -> Bool
  /// Who teaches a fresh model beside the examples' own labels, by strategies that take part in this training alone.
  var teaching: Teaching?

  struct Teaching {
    let teachers: [String: any Teacher]
    let strategies: [any Strategy]
  }

  /// A trained candidate.
  struct Candidate {
    let learner: Learner
    /// The names of strategies that took part in this training alone.
    var passing: Set<String> = []
    let seconds: Double
    let steps: Int
    let isCutShort: Bool

    /// What the next update goes on from.
    func state() throws -> State {
      var state = try learner.state()
      guard !passing.isEmpty else { return state }
      state["strategies"] = learner.strategies.map(\.name).filter { !passing.contains($0) }
      for name in passing {
        for key in state.tensors.keys where key.hasPrefix("strategy/\(name)/") { state.tensors[key] = nil }
        for key in state.values.keys where key.hasPrefix("strategy/\(name)/") { state.values[key] = nil }
      }
      return state
    }
  }

  /// How often a checkpoint is written, in seconds, where the configuration says nothing.
  static let checkpointInterval = 10.0

  /// What has been spent before this process.
  private struct Progress: Codable {
    var batch = 0
    var isLearning = false
    var seconds = 0.0
    var steps = 0
    var isCutShort = false
  }

  func callAsFunction() throws -> Candidate {
    // What the process held before is not this update's.
    if configuration.options.budget.memory != nil { PeakMemory.reset() }
    let learner = try configuration.learner(
      inputs, adding: teaching?.strategies ?? [], teachers: teaching?.teachers ?? [:])
    let store = try work.map { work in
      try FileManager.default.createDirectory(at: work, withIntermediateDirectories: true)
      return CheckpointStore(folder: work, run: "candidate", recipeSHA256: try plan())
    }
    var progress = Progress()
    if let saved = try saved(store) {
      progress = try saved.require("progress")
      try learner.restore(
        learner.completed(saved.scoped("learner"), parent.fromFiles),
        experience: progress.isLearning ? experience(progress.batch, learner) : nil,
        past: { try earlier($0) })
      tell(.resumed(step: progress.steps))
    } else {
      try start(learner)
    }
    var began = ContinuousClock.now
    func save() throws {
      progress.seconds += elapsed(since: began)
      began = .now
      guard let store, try isFinite(learner) else { return }
      var state = State()
      state["progress"] = progress
      state.set(try stripped(learner), under: "learner")
      try store.save(state, step: progress.steps)
    }
    var lastSaved = ContinuousClock.now
    while progress.batch < batches.count {
      if !progress.isLearning {
        try learner.begin(experience(progress.batch, learner))
        progress.isLearning = true
      }
      while let session = learner.session, !session.isDone, !progress.isCutShort {
        if shouldStop() {
          try save()
          throw LifeError.interrupted
        }
        let loss = try learner.step()
        progress.steps += 1
        tell(.step(session.step, of: session.steps, loss: loss))
        progress.isCutShort = try isSpent(progress, since: began)
        let every = configuration.recipe.training.checkpointEvery
        if every.map({ session.step % $0 == 0 }) ?? (elapsed(since: lastSaved) > Self.checkpointInterval) {
          try save()
          lastSaved = .now
        }
      }
      try learner.end()
      progress.isLearning = false
      progress.batch += 1
    }
    try save()
    return Candidate(
      learner: learner, passing: Set(teaching?.strategies.map(\.name) ?? []), seconds: progress.seconds,
      steps: progress.steps, isCutShort: progress.isCutShort)
  }

  // MARK: - Where it starts

  private func start(_ learner: Learner) throws {
    guard teaching == nil else { return }
    var state = try learner.completed(parentState, parent.fromFiles)
    let before = try LifeConfiguration(yaml: parent.configuration, source: "version \(parent.version)")
    guard try before.recipe.sha256 == configuration.recipe.sha256 else {
      // Another way of learning: weights and labels go on, and what strategies kept starts afresh.
      let classes: ClassSpace = try state.require("classes")
      guard classes.count > 0 else { return }
      return try learner.start(
        from: state.scoped(VersionManifest.modelBlob).tensors, outputs: state.require("outputs"),
        labels: classes.labels)
    }
    // What is learned anew, such as with another label, is not rehearsed as it was.
    try state.erase(Set(batches.joined().map(\.number)))
    try learner.restore(state.copied(), experience: nil, past: { try earlier($0) })
  }

  /// What the candidate depends on: a checkpoint of anything else is not gone on from.
  private func plan() throws -> String {
    struct Plan: Encodable {
      let parent: [String: VersionManifest.Blob]
      let recipe: String
      let batches: [[String]]
      let numbers: [Int]?
    }
    let plan = Plan(
      parent: parent.blobs, recipe: try configuration.recipe.sha256,
      batches: batches.map { $0.map { "\($0.number) \($0.label)" } }, numbers: numbers)
    return try Recipe.sha256(of: Data(OrderedJSON.text(plan, .compact).utf8))
  }

  private func saved(_ store: CheckpointStore?) throws -> State? {
    guard let store else { return nil }
    do {
      return try store.newest { tell(.warning($0)) }
    } catch is CheckpointError {
      store.clear()
      return nil
    }
  }

  // MARK: - Its parts

  private func experience(_ index: Int, _ learner: Learner) throws -> Experience {
    try experience(batches[index], index: numbers?[index] ?? experience + index)
  }

  private func experience(_ examples: [StoredExample], index: Int) throws -> Experience {
    try Experience(index: index, name: "update \(index + 1)", examples: Examples(examples, inputs))
  }

  private func earlier(_ index: Int) throws -> Experience {
    guard index >= experience else { return try experience(past(index), index: index) }
    return try experience(batches[index - experience], index: index)
  }

  private func stripped(_ learner: Learner) throws -> State {
    var state = try learner.state()
    for path in parent.fromFiles { state.tensors["\(VersionManifest.modelBlob)/\(path)"] = nil }
    return state
  }

  private func isSpent(_ progress: Progress, since began: ContinuousClock.Instant) throws -> Bool {
    let budget = configuration.options.budget
    if let limit = budget.memory?.bytes, PeakMemory.bytes > limit {
      throw LifeError.memoryBudget(used: PeakMemory.bytes, limit: limit)
    }
    if let steps = budget.steps, progress.steps >= steps { return true }
    return budget.seconds.map { progress.seconds + elapsed(since: began) >= $0 } ?? false
  }

  /// What is not finite is no state to go on from.
  private func isFinite(_ learner: Learner) throws -> Bool {
    try noGrad { try learner.vector.count == 0 || learner.vector.values.isFinite().all().item() == 1 }
  }

  private func elapsed(since start: ContinuousClock.Instant) -> Double {
    let duration = (ContinuousClock.now - start).components
    return Double(duration.seconds) + Double(duration.attoseconds) * 1e-18
  }
}

extension Examples {
  /// Stored examples as rows, in their order.
  init(_ examples: [StoredExample], _ inputs: any LiveInputs) throws {
    try self.init(
      inputs: inputs.rows(examples.map(\.payload)), targets: Tensor(examples.map(\.label)),
      identifiers: Tensor(examples.map(\.number)))
  }
}
