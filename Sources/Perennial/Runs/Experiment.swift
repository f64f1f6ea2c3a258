import Foundation
import Torch

/// A recipe being run: every strategy with every seed, one after the other, into a run folder.
///
/// Finished runs and the state of the one in progress are in `checkpoints/`, so an experiment that was stopped at any
/// step, even by `kill -9`, goes on in the same folder with the same numbers.
public final class Experiment {
  private let recipe: Recipe
  private let folder: RunFolder
  private let modality: any Modality
  private let device: Device
  private let observers: [any RunObserver]
  private let shouldStop: () -> Bool

  /// Without `checkpoint_every` a checkpoint is written this often, in seconds, besides after every experience.
  static let checkpointInterval = 30.0

  /// - Parameters:
  ///   - modality: gives data and models.
  ///   - shouldStop: asked after every step.
  public init(
    _ recipe: Recipe, folder: RunFolder, modality: any Modality, device: Device = .cpu,
    observers: [any RunObserver] = [], shouldStop: @escaping () -> Bool = { false }
  ) {
    self.recipe = recipe
    self.folder = folder
    self.modality = modality
    self.device = device
    self.observers = observers
    self.shouldStop = shouldStop
  }

  /// Runs what is not yet finished and gives the results of all, which are also in `results.json`.
  ///
  /// - Throws: `RunInterrupted` when asked to stop; `LearnerError` when a loss is not finite; what reading data and
  ///   writing files throws.
  public func run() throws -> RunResults {
    var records: [RunKey: AccuracyMatrix] = [:]
    for arm in recipe.arms {
      for seed in recipe.seeds {
        records[RunKey(arm.name, seed)] = try folder.recorded(arm.name, seed: seed) ?? run(arm, seed)
      }
    }
    let results = try results(records)
    try results.write(to: folder.results)
    return results
  }

  private struct RunKey: Hashable {
    let arm: String
    let seed: Int
    init(_ arm: String, _ seed: Int) { (self.arm, self.seed) = (arm, seed) }
    var name: String { "\(arm)-\(seed)" }
  }

  // MARK: - One run

  private func run(_ arm: Recipe.Arm, _ seed: Int) throws -> AccuracyMatrix {
    PeakMemory.reset()
    let run = try ArmRun(
      recipe: recipe, arm: arm, seed: seed, modality: modality, device: device,
      finished: { [folder] in
        let url = folder.student(of: $0, seed: seed)
        return FileManager.default.fileExists(atPath: url.path) ? url : nil
      },
      keep: { [folder] in try AtomicFile.write($1, to: folder.student(of: $0, seed: seed)) },
      interrupt: { [shouldStop] in
        guard shouldStop() else { return }
        throw RunInterrupted(position: RunPosition(strategy: arm.name, seed: seed, experiences: 1), step: 0)
      })
    var position = RunPosition(strategy: arm.name, seed: seed, experiences: run.stream.count)
    let store = CheckpointStore(
      folder: folder.checkpoints, run: RunKey(arm.name, seed).name, recipeSHA256: try recipe.sha256)
    if let saved = try store.newest({ tell(.warning($0)) }) {
      try run.restore(saved)
      warnOfOtherThreads(saved)
    }
    position.experience = min(run.experience, run.stream.count - 1)
    tell(.started(position, step: run.steps, steps: run.expectedSteps))
    try run.scoreUntrained()
    var lastSaved = ContinuousClock.now
    func save() throws {
      guard try run.isFinite() else { return }
      let url = try store.save(run.state(), step: run.steps)
      lastSaved = .now
      tell(.saved(position, step: run.steps, path: url.lastPathComponent))
    }
    func stopIfAsked() throws {
      guard shouldStop() else { return }
      try save()
      tell(.interrupted(position, step: run.steps))
      throw RunInterrupted(position: position, step: run.steps)
    }
    while !run.isDone {
      position.experience = run.experience
      if !run.isLearning { try run.begin() }
      run.tell(position).forEach(tell)
      while let session = run.learner.session, !session.isDone {
        try stopIfAsked()
        let loss = try run.step()
        tell(.step(position, step: run.steps, steps: run.expectedSteps, loss: loss))
        run.tell(position).forEach(tell)
        if isTimeToSave(session.step, since: lastSaved), !session.isDone { try save() }
      }
      tell(.consolidating(position))
      let scores = try run.end()
      run.tell(position).forEach(tell)
      guard let scores else {
        try save()
        continue
      }
      tell(.evaluated(position, step: run.steps, accuracies: scores))
      if !run.isDone { try save() }
    }
    return try finish(run, position, store)
  }

  private func warnOfOtherThreads(_ saved: State) {
    guard let threads: Int = saved["threads"], threads != Runtime.threads else { return }
    tell(
      .warning(
        "the run began with --threads \(threads) and goes on with \(Runtime.threads): sums round differently, "
          + "so results will not be those of the uninterrupted run bit for bit"))
  }

  private func isTimeToSave(_ step: Int, since last: ContinuousClock.Instant) -> Bool {
    if let every = recipe.training.checkpointEvery { return step % every == 0 }
    return (ContinuousClock.now - last).seconds > Self.checkpointInterval
  }

  private func finish(_ run: ArmRun, _ position: RunPosition, _ store: CheckpointStore) throws
    -> AccuracyMatrix
  {
    run.takeStock()
    try run.compare()
    try AtomicFile.write(trained(run), to: folder.student(of: position.strategy, seed: position.seed))
    for strategy in run.learner.strategies {
      for picture in try strategy.pictures(run.learner) {
        try PictureFolder(folder.url).add(picture, run: store.run)
      }
    }
    try AtomicFile.write(
      Data(OrderedJSON.text(run.record, .compact).utf8),
      to: folder.record(of: position.strategy, seed: position.seed))
    store.clear()
    let metrics = MetricValues(run.record)
    let known = metrics.names.compactMap { name in metrics[name].map { (name, $0) } }
    tell(
      .finished(
        position, metrics: Dictionary(uniqueKeysWithValues: known), seconds: run.record.cost.trainingSeconds))
    return run.record
  }

  /// The model alone, with what is needed to build it again: nothing that only its training needed.
  private func trained(_ run: ArmRun) throws -> Data {
    let own = recipe.resolved(for: run.arm)
    return try TrainedWeights.encode(
      run.learner,
      metadata: [
        "recipe_sha256": try recipe.sha256, "model": own.model.node.yaml(), "head": own.head.node.yaml(),
        "input": "\(run.stream.inputShape())",
      ])
  }

  private func tell(_ event: RunEvent) {
    for observer in observers { observer.note(event) }
  }

  // MARK: - Results

  private func results(_ records: [RunKey: AccuracyMatrix]) throws -> RunResults {
    let stream = try modality.stream(recipe, seed: UInt64(recipe.seeds[0]))
    var results = RunResults(
      recipe: recipe.name, recipeSHA256: try recipe.sha256, version: Version.current,
      environment: .init(
        torch: Runtime.version, device: "\(device)", threads: Runtime.threads, cpu: Machine.processor),
      stream: .init(
        data: stream.source.name + (stream.source.note.map { " (\($0))" } ?? ""),
        scenario: stream.scenario.rawValue, experiences: stream.names,
        testExamples: try (0..<stream.count).map { try stream.test($0).count }))
    let joint = recipe.arms.first { $0.strategies.contains { $0.isNamed("joint") } }?.name
    for arm in recipe.arms {
      for seed in recipe.seeds {
        guard let record = records[RunKey(arm.name, seed)] else { continue }
        results.runs.append(
          .init(
            strategy: arm.name, seed: seed, record: record,
            joint: joint.flatMap { records[RunKey($0, seed)] }))
      }
    }
    results.expectations = recipe.targets.map {
      $0.judged(results.statistic($0.metric, of: $0.strategy)?.mean)
    }
    return results
  }
}
