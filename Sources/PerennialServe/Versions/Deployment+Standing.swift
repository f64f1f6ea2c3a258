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
    if let standing = try await source.standing() { await take(standing) }
    let judged = try await source.judged(latest: options.limits.remembered)
    for one in judged {
      judge(one.version, served: one.label, shadow: one.shadow, truth: one.truth, at: one.time, one.sequence)
    }
    if let accuracy = meter.windowAccuracy { metrics.accuracy.set(accuracy) }
    guard options.learning != nil else { return }
    newLabels = try await source.pending()
    hasDrifted = meter.drifts.last { $0.isWorse }.map { $0.items > meter.items - newLabels } ?? false
    considerUpdate()
  }

  private func take(_ standing: Standing) async {
    isPaused = standing.isPaused
    // Another program may have chosen another version since.
    guard standing.version == current.number, options.learning != nil else { return }
    watch = standing.watch.map(Watch.init)
    guard let trial = standing.trial else { return }
    do {
      let version = try await LoadedVersion.load(trial.version, source.opener(of: trial.version))
      self.trial = Trial(Slot(version, options, metrics), trial)
    } catch {
      note(.failure, "version \(trial.version) was on trial and cannot be loaded")
    }
  }

  /// Takes a label: in what follows from all of them, and in the trial and the watch since which it came.
  ///
  /// - Returns: a drift that it completed the evidence of.
  @discardableResult
  func judge(
    _ version: Int, served: String, shadow: String?, truth: String, at time: Date, _ sequence: Int
  ) -> ServingMeter.Drift? {
    self.sequence = sequence
    if let trial, sequence > trial.standing.since {
      self.trial?.judge(version: version, served: served, shadow: shadow, truth: truth)
    }
    if let watch, sequence > watch.standing.since {
      self.watch?.judge(version: version, served: served, truth: truth)
    }
    return meter.score(served: served, truth: truth, version: version, at: time)
  }

  /// Keeps what the next process has to know. Where it cannot be kept, this one goes on.
  ///
  /// - Parameter event: for the audit log.
  func settle(_ event: ServingEvent? = nil) async {
    revision += 1
    guard source.keepsExamples else { return }
    var standing = Standing(version: current.number)
    standing.isPaused = isPaused
    standing.trial = trial?.standing
    standing.watch = watch?.standing
    do {
      try await source.keep(standing, telling: event)
    } catch {
      logger.error("what a restart has to know is not kept", metadata: ["error": "\(type(of: error))"])
    }
  }
}
