import Foundation
import PerennialLife

extension Deployment {
  /// Learns from what was recorded, and brings a candidate that passes its gate into use as the policy says. Whatever
  /// goes wrong, the version in use goes on answering.
  func update(because reason: String) async {
    // While versions are being changed it could not be said which of them a candidate follows.
    guard let policy = options.learning, !isPaused, !isTraining, !isChanging, trial == nil else { return }
    let asked = (wish, newLabels, hasDrifted)
    (isTraining, wish, newLabels, hasDrifted) = (true, nil, 0, false)
    metrics.training.set(1)
    note(.update, "learning because of \(reason)")
    if await attempt(reason, policy, retrying: asked.0?.isRetrying ?? false) == .stopped {
      wish = asked.0?.joined(wish) ?? wish
      newLabels += asked.1
      hasDrifted = hasDrifted || asked.2
    }
    isTraining = false
    metrics.training.set(0)
    revision += 1
    considerUpdate()
  }

  private enum Attempt { case ended, stopped }

  private func attempt(_ reason: String, _ policy: LearningPolicy, retrying: Bool) async -> Attempt {
    let parent = current.number
    do {
      try await admit(source.learn(because: reason, retrying: retrying), policy, after: parent)
    } catch is CancellationError {
      metrics.updated("stopped")
      note(.update, "stopped; what was recorded is kept")
      return .stopped
    } catch {
      metrics.updated("failed")
      logger.error("the update failed", metadata: ["error": "\(type(of: error))"])
      note(.failure, "the update failed; version \(current.number) stays")
    }
    return .ended
  }

  private func admit(_ outcome: UpdateOutcome, _ policy: LearningPolicy, after parent: Int) async throws {
    switch outcome {
    case .nothing:
      metrics.updated("nothing")
      note(.update, "there was nothing to learn")
    case .refused(let verdict):
      metrics.updated("refused")
      // What a check found may name labels, which are texts of users.
      let failed = verdict.checks.filter { !$0.passed }.map(\.name)
      note(.refused, "the candidate did not pass \(failed.joined(separator: ", "))")
    case .passed(let candidate):
      metrics.updated("passed")
      try await changing(waits: true) { try await bringOn(candidate, after: parent, policy) }
      await settle()
    }
  }

  /// What an administrator does meanwhile counts, and what was forgotten is loaded no more.
  private func bringOn(_ candidate: Int, after parent: Int, _ policy: LearningPolicy) async throws {
    guard current.number != candidate else { return }
    guard current.number == parent else { return await passOver(candidate, policy) }
    guard policy.mode == .direct else { return try await begin(candidate, policy) }
    guard try await [parent, candidate].contains(source.current().number) else {
      return await passOver(candidate, policy)
    }
    try await bring(candidate, because: "passed its gate")
  }

  private func passOver(_ candidate: Int, _ policy: LearningPolicy) async {
    let finding = "another version came into use meanwhile"
    note(.refused, "version \(candidate) passed its gate and is not used: \(finding)")
    if policy.mode != .direct { await settle(.failed(version: candidate, finding: finding)) }
  }

  // MARK: - Trials

  private func begin(_ candidate: Int, _ policy: LearningPolicy) async throws {
    let version = try await LoadedVersion.load(candidate, source.opener(of: candidate))
    trial = Trial(
      Slot(version, options, metrics),
      Standing.Trial(
        version: candidate, against: current.number, mode: policy.mode, began: Date(),
        before: meter.recent(policy.trial), since: sequence))
    note(
      .trial, "version \(candidate) is on trial as a \(policy.mode.rawValue) for \(policy.trial) labels")
    await settle(.tried(version: candidate))
  }

  /// Ends a trial: the candidate comes into use, or goes.
  func end(_ trial: Trial, isFit: Bool) async {
    guard isFit else { return await giveUp(trial, .refused, "failed its trial", trial.finding) }
    do {
      try await promote(trial.slot.number, because: "its trial: \(trial.finding)")
    } catch {
      await giveUp(trial, .failure, "could not come into use", "could not come into use")
    }
  }

  /// A candidate goes that was on trial; what it learned is set aside.
  ///
  /// - Parameter finding: numbers, for people and for the audit log.
  func giveUp(_ trial: Trial, _ kind: ServerEvent.Kind, _ what: String, _ finding: String) async {
    let number = trial.slot.number
    guard self.trial?.slot.number == number else { return }
    self.trial = nil
    note(kind, "version \(number) \(what)" + (what == finding ? "" : ": \(finding)"))
    await settle(.failed(version: number, finding: finding))
  }

  /// Leaves a version that is being watched. Where something else is being changed it is left by the next label, or the next
  /// request that it cannot answer.
  func returnFrom(_ watch: Watch, because reason: String) async {
    guard !isChanging, self.watch?.version == watch.version else { return }
    self.watch = nil
    do {
      _ = try await rollback(to: watch.previous, because: reason, by: "watch")
    } catch {
      note(.failure, "could not return to version \(watch.previous)")
    }
  }
}
