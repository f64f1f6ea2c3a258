import Foundation
import Perennial
import PerennialLife

extension Deployment {
  /// Goes on where the process before ended: labels that came are judged again, so that accuracy, drift, a trial and a watch
  /// are what they were, and those that wait to be learned count.
  ///
  /// - Throws: what the source throws.
  func takeUp() async throws {
    guard source.keepsExamples else { return }
    standing = try await source.standing()
    isPaused = standing?.isPaused ?? false
    let isSame = standing?.version == current.number
    if isSame, options.learning != nil { await takeUpTrial() }
    let policy = options.learning ?? LearningPolicy()
    let latest = max(options.limits.remembered, policy.trial, policy.watch, options.judging.window)
    for one in try await source.judged(latest: latest) {
      judge(one.version, served: one.label, shadow: one.shadow, truth: one.truth, at: one.time, one.sequence)
    }
    if let accuracy = meter.windowAccuracy { metrics.accuracy.set(accuracy) }
    guard options.learning != nil else { return }
    if !isSame { try await watchWhatCame() }
    newLabels = try await source.pending()
    hasDrifted = meter.drifts.last { $0.isWorse }.map { $0.items > meter.items - newLabels } ?? false
    considerUpdate()
  }

  private func takeUpTrial() async {
    watch = standing?.watch.map(Watch.init)
    guard let trial = standing?.trial else { return }
    do {
      let version = try await LoadedVersion.load(trial.version, source.opener(of: trial.version))
      self.trial = Trial(Slot(version, options, metrics), trial)
    } catch {
      note(.failure, "version \(trial.version) was on trial and cannot be loaded")
      await settle(.failed(version: trial.version, finding: "cannot be loaded"))
    }
  }

  /// A version that had just come into use when the process before ended, or that another program has brought, is watched
  /// from now on.
  private func watchWhatCame() async throws {
    guard let policy = options.learning, policy.watch > 0, let standing,
      try await source.history().versions.contains(where: {
        $0.number == current.number && $0.parent == standing.version
      })
    else { return }
    watch = Watch(
      Standing.Watch(
        version: current.number, previous: standing.version, before: meter.recent(policy.watch),
        since: sequence))
    await settle()
  }

  /// Takes a label: in what follows from all of them, and in the trial and the watch since which it came.
  ///
  /// - Parameter sequence: its place in the order in which labels came.
  /// - Returns: a drift that it completed the evidence of.
  @discardableResult
  func judge(
    _ version: Int, served: String, shadow: String?, truth: String, at time: Date, _ sequence: Int
  ) -> ServingMeter.Drift? {
    self.sequence = max(self.sequence, sequence)
    if let trial, sequence > trial.standing.since {
      self.trial?.judge(version: version, served: served, shadow: shadow, truth: truth)
    }
    if let watch, sequence > watch.standing.since {
      self.watch?.judge(version: version, served: served, truth: truth)
    }
    return meter.score(served: served, truth: truth, version: version, at: time)
  }

  /// Keeps what the next process has to know, in the order in which it came to be. Where it cannot be kept, this one goes on.
  ///
  /// - Parameter event: for the audit log.
  /// - Returns: whether it is kept.
  @discardableResult
  func settle(_ event: ServingEvent? = nil) async -> Bool {
    revision += 1
    guard source.keepsExamples else { return true }
    let before = settling
    let task = Task {
      _ = await before?.value
      return await keepStanding(event)
    }
    settling = task
    return await task.value
  }

  private func keepStanding(_ event: ServingEvent?) async -> Bool {
    var next = Standing(version: current.number)
    next.isPaused = isPaused
    if options.learning != nil {
      (next.trial, next.watch) = (trial?.standing, watch?.standing)
    } else if let standing, standing.version == current.number {
      // Who does not learn ends neither.
      (next.trial, next.watch) = (standing.trial, standing.watch)
    }
    standing = next
    do {
      try await source.keep(next, telling: event)
      return true
    } catch {
      logger.error("what a restart has to know is not kept", metadata: ["error": "\(type(of: error))"])
      return false
    }
  }
}
