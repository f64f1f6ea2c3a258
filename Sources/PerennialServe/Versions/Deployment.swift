import Foundation
import Logging

/// The version in use, the one that may follow it, and how both fare.
///
/// Requests see immutable versions, each on a thread of its own; an update trains elsewhere and ends in another version.
/// This actor only decides who answers, remembers what was served, and judges it when labels come.
actor Deployment {
  nonisolated let source: any VersionSource
  nonisolated let options: ServeOptions
  nonisolated let metrics: ServerMetrics
  nonisolated let logger: Logger
  /// Brings what was served to where it outlives the process.
  nonisolated let keeper: PredictionKeeper
  /// Reasons to learn, for the one who does.
  nonisolated let triggers: AsyncStream<String>
  nonisolated let started = Date()

  private let trigger: AsyncStream<String>.Continuation
  var current: Slot
  /// What the source calls the version in use: another name says that its weights are others.
  var name: String
  var trial: Trial?
  var watch: Watch?
  var ledger: PredictionLedger
  var meter: ServingMeter
  var events: [ServerEvent] = []
  /// Grows whenever versions change.
  var revision = 0
  var isTraining = false
  var isPaused = false
  /// Set while the version in use is being exchanged: one at a time.
  var isChanging = false
  /// Set while nobody knows what other programs do.
  var cannotFollow = false
  /// Labels since the last update, and whether a drift has come since.
  var newLabels = 0
  var hasDrifted = false
  /// An update that was asked for and has not begun.
  var wish: Wish?
  /// The place of the latest label in the order in which they came.
  var sequence = 0
  /// What was kept for the next process, and the keeping that is under way.
  var standing: Standing?
  var settling: Task<Bool, Never>?
  /// What memories hold and what was learned, as of a revision.
  var holdings: (revision: Int, task: Task<Holdings?, Never>)?

  /// Loads the version in use.
  ///
  /// - Throws: what the source throws, and `ConfigurationError` for a detector that is not known.
  static func open(
    _ source: any VersionSource, _ options: ServeOptions, metrics: ServerMetrics, logger: Logger
  ) async throws -> Deployment {
    let (number, name) = try await source.current()
    let version = try await LoadedVersion.load(number, source.opener(of: number))
    let deployment = try Deployment(
      source, options, metrics, logger, current: Slot(version, options, metrics), name: name,
      meter: ServingMeter(options.judging))
    try await deployment.takeUp()
    return deployment
  }

  private init(
    _ source: any VersionSource, _ options: ServeOptions, _ metrics: ServerMetrics, _ logger: Logger,
    current: Slot, name: String, meter: ServingMeter
  ) throws {
    var options = options
    if current.card.input == .image {
      // A picture is as long as a request may be.
      options.limits.textBytes = max(options.limits.textBytes, options.limits.bodyBytes)
    }
    (self.source, self.options, self.metrics, self.logger) = (source, options, metrics, logger)
    keeper = PredictionKeeper(source, metrics: metrics, logger: logger)
    (self.current, self.name, self.meter) = (current, name, meter)
    ledger = PredictionLedger(capacity: options.limits.remembered)
    (triggers, trigger) = AsyncStream.makeStream(of: String.self, bufferingPolicy: .bufferingNewest(1))
    metrics.version.set(current.number)
    events.append(ServerEvent(time: started, kind: .start, text: "started with version \(current.number)"))
  }

  /// Writes down what happened, for people and for the log.
  func note(_ kind: ServerEvent.Kind, _ text: String) {
    events = (events + [ServerEvent(time: Date(), kind: kind, text: text)]).suffix(200)
    logger.notice("\(kind.rawValue): \(text)")
  }

  /// Asks for an update; one that is asked for already is the same.
  ///
  /// - Parameter retrying: takes in again what was set aside.
  /// - Throws: `ServeError.notLearning`, `ServeError.conflict`.
  func requestUpdate(because reason: String, retrying: Bool = false) throws {
    try checkLearning()
    wish = Wish(reason: reason, isRetrying: retrying).joined(wish)
    trigger.yield(reason)
  }

  /// An update that was asked for.
  struct Wish: Sendable {
    let reason: String
    /// Whether it takes in again what was set aside.
    let isRetrying: Bool

    /// Both in one: the reason of this one.
    func joined(_ other: Wish?) -> Wish {
      Wish(reason: reason, isRetrying: isRetrying || other?.isRetrying ?? false)
    }
  }
}

extension Deployment {
  /// - Throws: `ServeError.notLearning`, `ServeError.conflict` where no update can begin now.
  func checkLearning() throws {
    guard options.learning != nil else { throw ServeError.notLearning }
    guard !isPaused else { throw ServeError.conflict("learning is paused") }
    if let trial { throw ServeError.conflict("version \(trial.slot.number) is on trial") }
  }
}

// MARK: - Predicting

extension Deployment {
  /// One answer, and the id that a label may come for.
  struct Served: Sendable {
    let id: String
    let entry: PredictionLedger.Entry
    let probabilities: [Float]

    var label: String { entry.label }
  }

  /// The version that answers the next request: the one in use, or a canary.
  private func chosen() -> Slot {
    guard let trial, trial.mode == .canary, let policy = options.learning else { return current }
    return Double.random(in: 0..<1) < policy.share ? trial.slot : current
  }

  /// Predicts, and remembers what was served.
  ///
  /// - Throws: `ServeError` for what the model cannot read, when too many wait, and when it fails.
  func predict(_ inputs: [ServedInput]) async throws -> (slot: Slot, served: [Served]) {
    let began = ContinuousClock.now
    let slot = chosen()
    guard slot.card.abilities.contains(.predict) else { throw ServeError.cannot(.predict, slot.card) }
    for (place, input) in inputs.enumerated() { try slot.card.check(input, at: "inputs[\(place)]") }
    let rows = try await asking(slot) { try await slot.predict(inputs) }
    let labels = slot.card.labels
    let served = try zip(inputs, rows).map { input, row in
      guard row.count == labels.count, let best = row.indices.max(by: { row[$0] < row[$1] }) else {
        throw ServeError.modelFailed(
          "the model has \(labels.count) labels and gave \(row.count) probabilities")
      }
      let entry = PredictionLedger.Entry(
        input: input, label: labels[best], probability: row[best], version: slot.number)
      return Served(id: ledger.add(entry), entry: entry, probabilities: row)
    }
    if source.keepsExamples { await keeper.add(served.map { $0.entry.record($0.id) }) }
    metrics.predicted(inputs.count, by: slot.number, in: ContinuousClock.now - began)
    askShadow(inputs, ids: served.map(\.id))
    return (slot, served)
  }

  /// Vectors of inputs.
  ///
  /// - Throws: as `predict`.
  func embed(_ inputs: [ServedInput]) async throws -> (slot: Slot, vectors: [ServedVector]) {
    let slot = current
    guard slot.card.abilities.contains(.embed) else { throw ServeError.cannot(.embed, slot.card) }
    for (place, input) in inputs.enumerated() { try slot.card.check(input, at: "input[\(place)]") }
    return (slot, try await asking(slot) { try await slot.embed(inputs) })
  }

  private func asking<Value: Sendable>(_ slot: Slot, _ body: @Sendable () async throws -> Value) async throws
    -> Value
  {
    do {
      return try await body()
    } catch let error as ServeError where error.code == "model_failed" {
      await failed(slot.number)
      throw error
    }
  }

  /// Asks a shadow the same, without anybody waiting for it.
  private func askShadow(_ inputs: [ServedInput], ids: [String]) {
    guard let trial, trial.mode == .shadow else { return }
    let slot = trial.slot
    Task {
      let rows: [[Float]]
      do {
        rows = try await asking(slot) { try await slot.predict(inputs) }
      } catch {
        // A queue that is full leaves the shadow without these; what it cannot answer has been seen to.
        return
      }
      for (id, row) in zip(ids, rows) {
        guard let best = row.indices.max(by: { row[$0] < row[$1] }), best < slot.card.labels.count else {
          continue
        }
        ledger.note(shadow: slot.card.labels[best], of: slot.number, for: id)
      }
    }
  }

  /// What cannot answer does not stay.
  private func failed(_ number: Int) async {
    if let trial, trial.slot.number == number {
      await giveUp(trial, .refused, "could not answer, and its trial is over", "could not answer")
    } else if let watch, watch.version == number {
      await returnFrom(watch, because: "version \(number) could not answer")
    }
  }
}
