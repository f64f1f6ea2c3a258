import Foundation
import PerennialLife

extension Deployment {
  /// Learns from what was recorded, and brings a candidate that passes its gate into use as the policy says. Whatever
  /// goes wrong, the version in use goes on answering.
  func update(because reason: String) async {
    guard let policy = options.learning, !isPaused, !isTraining, trial == nil else { return }
    let (labels, retrying) = (newLabels, retries)
    (isTraining, newLabels, hasDrifted, retries) = (true, 0, false, false)
    metrics.training.set(1)
    note(.update, "learning because of \(reason)")
    if await attempt(reason, policy, retrying: retrying) == .stopped {
      newLabels += labels
      retries = retries || retrying
    }
    isTraining = false
    metrics.training.set(0)
    revision += 1
    considerUpdate()
  }

  private enum Attempt { case ended, stopped }

  private func attempt(_ reason: String, _ policy: LearningPolicy, retrying: Bool) async -> Attempt {
    do {
      try await admit(source.learn(because: reason, retrying: retrying), policy)
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

  private func admit(_ outcome: UpdateOutcome, _ policy: LearningPolicy) async throws {
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
      guard policy.mode != .direct else { return try await promote(candidate, because: "passed its gate") }
      let version = try await LoadedVersion.load(candidate, source.opener(of: candidate))
      trial = Trial(
        Slot(version, options, metrics),
        Standing.Trial(
          version: candidate, mode: policy.mode, began: Date(), before: meter.recent(policy.trial),
          since: sequence))
      note(
        .trial, "version \(candidate) is on trial as a \(policy.mode.rawValue) for \(policy.trial) labels")
      await settle(.tried(version: candidate))
    }
  }

  /// Brings a version into use, and watches it.
  ///
  /// - Throws: `ServeError.conflict` while another change goes on; what the source throws.
  func promote(_ number: Int, because reason: String) async throws {
    try await changing {
      let previous = current.number
      guard number != previous else { throw ServeError.conflict("version \(number) is in use already") }
      let slot: Slot
      if let trial, trial.slot.number == number {
        slot = trial.slot
      } else {
        slot = Slot(try await LoadedVersion.load(number, source.opener(of: number)), options, metrics)
      }
      try await source.promote(number, because: reason)
      let before = meter.recent(options.learning?.watch ?? 0)
      use(slot)
      if let policy = options.learning, policy.watch > 0 {
        watch = Watch(
          Standing.Watch(version: number, previous: previous, before: before, since: sequence))
      }
      metrics.promotions.increment()
      note(.promotion, "version \(number) is in use: \(reason)")
    }
    await settle()
  }

  /// Returns to an earlier version; the one before where none is named.
  ///
  /// - Returns: its number.
  /// - Throws: as `promote`.
  func rollback(to number: Int?, because reason: String, by who: String) async throws -> Int {
    let target = try await changing {
      let left = current.number
      var target = number ?? left
      if number == nil { target = try await versionBefore(left) }
      guard target != left else { throw ServeError.conflict("version \(left) is in use already") }
      let version = try await LoadedVersion.load(target, source.opener(of: target))
      try await source.rollback(to: target, because: reason)
      use(Slot(version, options, metrics))
      metrics.rolledBack(by: who)
      note(.rollback, "from version \(left) to \(target): \(reason)")
      return target
    }
    await settle()
    return target
  }

  private func versionBefore(_ number: Int) async throws -> Int {
    guard let before = try await source.history().versions.first(where: { $0.number == number })?.parent
    else {
      throw ServeError.conflict("version \(number) is the first")
    }
    return before
  }

  /// Ends a trial: the candidate comes into use, or goes.
  func end(_ trial: Trial, isFit: Bool) async {
    let number = trial.slot.number
    guard isFit else { return await giveUp(trial, .refused, "failed its trial", trial.finding) }
    do {
      try await promote(number, because: "its trial: \(trial.finding)")
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

  /// Leaves a version that is being watched.
  func returnFrom(_ watch: Watch, because reason: String) async {
    guard self.watch?.version == watch.version else { return }
    self.watch = nil
    do {
      _ = try await rollback(to: watch.previous, because: reason, by: "watch")
    } catch {
      note(.failure, "could not return to version \(watch.previous)")
    }
  }

  private func use(_ slot: Slot) {
    current = slot
    (trial, watch) = (nil, nil)
    revision += 1
    metrics.version.set(slot.number)
  }

  private func changing<Value: Sendable>(_ body: () async throws -> Value) async throws -> Value {
    guard !isChanging else { throw ServeError.conflict("another version is just coming into use") }
    isChanging = true
    defer { isChanging = false }
    return try await body()
  }

  /// Stops or resumes learning, for the next process too.
  func pause(_ isPaused: Bool) async {
    self.isPaused = isPaused
    note(.pause, isPaused ? "learning is paused" : "learning goes on")
    await settle(isPaused ? .paused : .resumed)
    considerUpdate()
  }

  /// Erases examples, here and in the source, and from what answers.
  ///
  /// - Parameters:
  ///   - policy: what becomes of weights that have seen them.
  ///   - force: why a version that was learned without them serves even if its gate refuses it.
  /// - Throws: `ServeError.conflict` while another change goes on; what the source throws.
  func forget(_ ids: [String], _ policy: ForgetPolicy = .unlearn, force: String? = nil) async throws
    -> ErasureReport
  {
    let report = try await changing {
      let report = try await erase(ids, policy, force: force)
      // Weights that were written anew under the same number are other weights.
      let number = try await source.current()
      if number != current.number || report.versions.contains(number) {
        use(Slot(try await LoadedVersion.load(number, source.opener(of: number)), options, metrics))
      }
      return report
    }
    note(.forget, "\(report.erased.count) examples erased, \(report.unknown.count) not there")
    if let trial, report.versions.contains(trial.slot.number) {
      await giveUp(trial, .refused, "had learned what was erased", "erased")
    }
    await settle()
    return report
  }

  private func erase(_ ids: [String], _ policy: ForgetPolicy, force: String?) async throws -> ErasureReport {
    let asked = Set(ledger.erase(ids))
    if source.keepsExamples {
      // The same input may have been asked under other ids: what the source remembers is looked up there from now on.
      await keeper.flush()
      ledger.clear()
    }
    var receipt =
      source.keepsExamples
      ? try await source.forget(ids, policy, force: force)
      : ErasureReport(erased: [], unknown: ids, versions: [], actions: [])
    receipt.erased = ids.filter { asked.contains($0) || receipt.erased.contains($0) }
    receipt.unknown = ids.filter { !receipt.erased.contains($0) }
    if !asked.isEmpty { receipt.actions.append("erased \(asked.count) from what was served lately") }
    return receipt
  }

  /// Saves everything as it is.
  ///
  /// - Throws: what the source throws.
  func snapshot() async throws -> String {
    let name = try await source.snapshot()
    note(.snapshot, "saved")
    return name
  }
}

extension Deployment {
  /// Follows the source where another program has changed what is in use.
  func follow() async {
    guard !isChanging, !isTraining, let number = try? await source.current(), number != current.number else {
      return
    }
    guard !isChanging, !isTraining else { return }
    do {
      try await changing {
        use(Slot(try await LoadedVersion.load(number, source.opener(of: number)), options, metrics))
        note(.promotion, "version \(number) is in use: another program says so")
      }
      await settle()
    } catch {
      note(.failure, "version \(number) is to be in use and cannot be loaded")
    }
  }
}
