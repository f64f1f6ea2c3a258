import Foundation

extension Deployment {
  /// Learns from what was recorded, and brings a candidate that passes its gate into use as the policy says. Whatever
  /// goes wrong, the version in use goes on answering.
  func update(because reason: String) async {
    guard let policy = options.learning, !isPaused, !isTraining, trial == nil else { return }
    let labels = newLabels
    (isTraining, newLabels, hasDrifted) = (true, 0, false)
    metrics.training.set(1)
    note(.update, "learning because of \(reason)")
    if await attempt(reason, policy) == .stopped { newLabels += labels }
    isTraining = false
    metrics.training.set(0)
    revision += 1
    considerUpdate()
  }

  private enum Attempt { case ended, stopped }

  private func attempt(_ reason: String, _ policy: LearningPolicy) async -> Attempt {
    do {
      try await admit(source.learn(because: reason), policy)
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
      trial = Trial(slot: Slot(version, options, metrics), mode: policy.mode)
      revision += 1
      note(
        .trial, "version \(candidate) is on trial as a \(policy.mode.rawValue) for \(policy.trial) labels")
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
        watch = Watch(version: number, previous: previous, before: before)
      }
      metrics.promotions.increment()
      note(.promotion, "version \(number) is in use: \(reason)")
    }
  }

  /// Returns to an earlier version; the one before where none is named.
  ///
  /// - Returns: its number.
  /// - Throws: as `promote`.
  func rollback(to number: Int?, because reason: String, by who: String) async throws -> Int {
    try await changing {
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
    let shares = [trial.candidate, trial.current].map {
      $0.accuracy.map { "\(Int((100 * $0).rounded())) %" } ?? "–"
    }
    let finding = "\(shares[0]) right, the version in use \(shares[1])"
    if isFit {
      do {
        try await promote(trial.slot.number, because: "its trial: \(finding)")
      } catch {
        note(.failure, "version \(trial.slot.number) could not come into use")
      }
    } else {
      note(.refused, "version \(trial.slot.number) failed its trial: \(finding)")
    }
    self.trial = nil
    revision += 1
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

  /// Stops or resumes learning.
  func pause(_ isPaused: Bool) {
    self.isPaused = isPaused
    note(.pause, isPaused ? "learning is paused" : "learning goes on")
    considerUpdate()
  }

  /// Erases examples, here and in the source.
  ///
  /// - Throws: what the source throws.
  func forget(_ ids: [String]) async throws -> ErasureReport {
    let asked = Set(ledger.erase(ids))
    if source.keepsExamples {
      // The same input may have been asked under other ids: what the source remembers is looked up there from now on.
      await keeper.flush()
      ledger.clear()
    }
    var receipt =
      source.keepsExamples
      ? try await source.forget(ids) : ErasureReport(erased: [], unknown: ids, versions: [], actions: [])
    receipt.erased = ids.filter { asked.contains($0) || receipt.erased.contains($0) }
    receipt.unknown = ids.filter { !receipt.erased.contains($0) }
    if !asked.isEmpty { receipt.actions.append("erased \(asked.count) from what was served lately") }
    revision += 1
    note(.forget, "\(receipt.erased.count) examples erased, \(receipt.unknown.count) not there")
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
    } catch {
      note(.failure, "version \(number) is to be in use and cannot be loaded")
    }
  }
}
