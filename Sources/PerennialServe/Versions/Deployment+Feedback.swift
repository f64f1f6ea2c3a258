import Foundation

extension Deployment {
  /// What became of a label.
  enum FeedbackResult: String, Sendable, Codable {
    /// Judged, and kept to learn from.
    case accepted
    /// There was a label for this prediction already.
    case used
    /// There is no such prediction, or it is too long ago.
    case unknown
  }

  /// A label for a prediction.
  struct Label: Sendable {
    let id: String
    let label: String
  }

  /// What became of a label, and of what prediction it was.
  struct Judged: Sendable {
    let id: String
    let result: FeedbackResult
    var version: Int?
    var isRight: Bool?
  }

  /// Takes labels for predictions, scores what was served, and decides what follows. Labels that count are safe when
  /// this returns.
  ///
  /// - Throws: what the source throws; then no label was used up.
  func feedback(_ labels: [Label]) async throws -> [Judged] {
    try await lookUp(labels.map(\.id))
    let found = labels.map { ($0, ledger.take($0.id)) }
    let open = found.compactMap { label, found -> (Label, PredictionLedger.Entry)? in
      if case .open(let entry) = found { (label, entry) } else { nil }
    }
    let asked = open.map { label, entry in (label, entry, shadow: shadow(of: entry)) }
    var places = open.indices.map { Optional(sequence + 1 + $0) }
    if source.keepsExamples, !open.isEmpty {
      do {
        places = try await source.record(
          asked.map { label, entry, shadow in
            .served(entry.record(label.id), label: label.label, shadow: shadow)
          })
      } catch {
        for (label, entry) in open { ledger.putBack(entry, label.id) }
        throw error as? ServeError ?? notKept(error)
      }
    }
    // What was forgotten meanwhile has no place.
    var gone: Set<String> = []
    for ((label, entry, shadow), place) in zip(asked, places) {
      if let place {
        judge(entry, shadow, truth: label.label, place)
      } else {
        gone.insert(label.id)
      }
    }
    let judged = found.map { label, found in
      switch found {
      case .open where gone.contains(label.id): Judged(id: label.id, result: .unknown)
      case .open(let entry):
        Judged(id: label.id, result: .accepted, version: entry.version, isRight: entry.label == label.label)
      case .used: Judged(id: label.id, result: .used)
      case .unknown: Judged(id: label.id, result: .unknown)
      }
    }
    for result in [FeedbackResult.accepted, .used, .unknown] {
      metrics.fedBack(result.rawValue, judged.count { $0.result == result })
    }
    await conclude()
    return judged
  }

  /// Brings predictions that only the source remembers back into the ledger.
  private func lookUp(_ ids: [String]) async throws {
    let unknown = ids.filter { !ledger.knows($0) }
    guard source.keepsExamples, !unknown.isEmpty else { return }
    for record in try await source.recall(unknown) { ledger.restore(record) }
  }

  /// Takes examples that were never predicted.
  ///
  /// - Throws: `ServeError.unsupported` for a folder that does not change; what the source throws.
  func teach(_ examples: [LabelledExample]) async throws {
    for (place, example) in examples.enumerated() {
      if case .given(_, let input, _) = example {
        try current.card.check(input, at: "examples[\(place)].input")
      }
    }
    guard !examples.isEmpty else { return }
    do {
      try await source.record(examples)
    } catch {
      throw error as? ServeError ?? notKept(error)
    }
    newLabels += examples.count
    considerUpdate()
  }

  /// A full disk and the like: the client may come again with what was not kept.
  private func notKept(_ error: any Error) -> ServeError {
    logger.error("labels could not be kept", metadata: ["error": "\(type(of: error))"])
    return ServeError(
      .serviceUnavailable, "not_kept", "the labels could not be kept; send them again", retryAfter: 5)
  }

  /// What the shadow on trial would have said; what another one had said before is nothing to judge it by.
  private func shadow(of entry: PredictionLedger.Entry) -> String? {
    entry.shadow.flatMap { $0.version == trial?.slot.number ? $0.label : nil }
  }

  private func judge(_ entry: PredictionLedger.Entry, _ shadow: String?, truth: String, _ place: Int) {
    newLabels += 1
    let drift = judge(
      entry.version, served: entry.label, shadow: shadow, truth: truth, at: Date(), place)
    if let drift {
      metrics.drifts.increment()
      note(.drift, "after \(drift.items) labels; errors became \(drift.isWorse ? "more" : "fewer")")
      if drift.isWorse { hasDrifted = true }
    }
    if let accuracy = meter.windowAccuracy { metrics.accuracy.set(accuracy) }
  }

  /// Ends trials and watches whose time has come, and asks for updates.
  func conclude() async {
    guard let policy = options.learning else { return }
    if let trial, let isFit = trial.verdict(policy, at: Date()), !isChanging {
      await end(trial, isFit: isFit)
    }
    if let watch, !isChanging {
      if watch.since.isWorse(than: watch.before, by: policy.tolerance, errors: 3) {
        await returnFrom(
          watch, because: "version \(watch.version) does worse than version \(watch.previous) did")
      } else if watch.since.total >= policy.watch {
        self.watch = nil
        await settle()
      }
    }
    considerUpdate()
  }

  func considerUpdate() {
    guard let policy = options.learning, !isPaused, !isTraining, !isChanging, trial == nil else { return }
    if let wish {
      try? requestUpdate(because: wish.reason)
    } else if newLabels >= policy.labels {
      try? requestUpdate(because: "\(newLabels) new labels")
    } else if hasDrifted, newLabels >= policy.labelsAfterDrift {
      try? requestUpdate(because: "drift, and \(newLabels) new labels")
    }
  }
}
