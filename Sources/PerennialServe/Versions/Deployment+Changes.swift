import Foundation
import PerennialLife

/// What changes which version answers: one change at a time.
extension Deployment {
  /// - Parameter waits: until what is being changed has been; others are told to come again.
  /// - Throws: `ServeError.conflict` while another change goes on.
  func changing<Value: Sendable>(waits: Bool = false, _ body: () async throws -> Value) async throws -> Value
  {
    while waits, isChanging { try await Task.sleep(for: .milliseconds(20)) }
    guard !isChanging else {
      throw ServeError.conflict("versions are being changed, or something is being forgotten")
    }
    isChanging = true
    defer {
      isChanging = false
      considerUpdate()
    }
    return try await body()
  }

  /// Brings a version into use, and watches it.
  ///
  /// - Throws: `ServeError.conflict` while another change goes on; what the source throws.
  func promote(_ number: Int, because reason: String) async throws {
    try await changing { try await bring(number, because: reason) }
    await settle()
  }

  /// As ``promote(_:because:)``, within a change.
  func bring(_ number: Int, because reason: String) async throws {
    let previous = current.number
    guard number != previous else { throw ServeError.conflict("version \(number) is in use already") }
    let tried = trial?.slot.number == number ? trial?.slot : nil
    let slot = if let tried { tried } else { try await load(number) }
    try await source.promote(number, because: reason)
    let before = meter.recent(options.learning?.watch ?? 0)
    try await use(slot)
    if let policy = options.learning, policy.watch > 0 {
      watch = Watch(Standing.Watch(version: number, previous: previous, before: before, since: sequence))
    }
    metrics.promotions.increment()
    note(.promotion, "version \(number) is in use: \(reason)")
  }

  /// Returns to an earlier version; the one before where none is named.
  ///
  /// - Returns: its number.
  /// - Throws: as ``promote(_:because:)``.
  func rollback(to number: Int?, because reason: String, by who: String) async throws -> Int {
    let target = try await changing {
      let left = current.number
      var target = number ?? left
      if number == nil { target = try await versionBefore(left) }
      guard target != left else { throw ServeError.conflict("version \(left) is in use already") }
      let slot = try await load(target)
      try await source.rollback(to: target, because: reason)
      try await use(slot)
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

  private func load(_ number: Int) async throws -> Slot {
    Slot(try await LoadedVersion.load(number, source.opener(of: number)), options, metrics)
  }

  /// Lets a version answer. The same one with other weights goes on being watched; a candidate on trial beside another one
  /// is given up.
  private func use(_ slot: Slot) async throws {
    let isSame = slot.number == current.number
    name = try await source.current().name
    current = slot
    revision += 1
    metrics.version.set(slot.number)
    guard !isSame else { return }
    watch = nil
    guard let trial else { return }
    if trial.slot.number == slot.number {
      self.trial = nil
    } else {
      await giveUp(trial, .refused, "is not tried any more", "another version came into use")
    }
  }

  /// Follows the source where another program has changed what is in use.
  func follow() async {
    guard !isChanging, !isTraining else { return }
    let found: (number: Int, name: String)
    do {
      found = try await source.current()
      cannotFollow = false
    } catch {
      if !cannotFollow { logger.error("which version is in use cannot be read") }
      cannotFollow = true
      return
    }
    guard found.name != name, !isChanging, !isTraining else { return }
    do {
      try await changing {
        try await use(load(found.number))
        note(.promotion, "version \(found.number) is in use: another program says so")
      }
      await settle()
    } catch {
      note(.failure, "version \(found.number) is to be in use and cannot be loaded")
    }
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
      let found = try await source.current()
      if found.name != name { try await use(load(found.number)) }
      if let trial, report.versions.contains(trial.slot.number) {
        await giveUp(trial, .refused, "had learned what was erased", "erased")
      }
      return report
    }
    note(.forget, "\(report.erased.count) examples erased, \(report.unknown.count) not there")
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
    // What was looked up meanwhile may be what has gone.
    if source.keepsExamples { ledger.clear() }
    receipt.erased = ids.filter { asked.contains($0) || receipt.erased.contains($0) }
    receipt.unknown = ids.filter { !receipt.erased.contains($0) }
    if !asked.isEmpty { receipt.actions.append("erased \(asked.count) from what was served lately") }
    return receipt
  }

  /// Stops or resumes learning, for the next process too.
  ///
  /// - Throws: `ServeError` where the next process would not know; this one does as it was told.
  func pause(_ isPaused: Bool) async throws {
    self.isPaused = isPaused
    note(.pause, isPaused ? "learning is paused" : "learning goes on")
    let isKept = await settle(isPaused ? .paused : .resumed)
    considerUpdate()
    guard isKept else {
      throw ServeError(
        .serviceUnavailable, "not_kept", "so it is, and after a restart it would not be: ask again",
        retryAfter: 5)
    }
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
