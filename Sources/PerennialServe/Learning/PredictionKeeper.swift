import Logging

/// Brings what was served to where it outlives the process, many at a time, while nobody waits.
///
/// What was served in the last moments before a crash may be unknown afterwards; its labels then are, too.
actor PredictionKeeper {
  /// What waits at most; where a disk is full, the oldest go.
  private static let capacity = 20_000

  private let source: any VersionSource
  private let metrics: ServerMetrics
  private let logger: Logger
  private var waiting: [ServedRecord] = []
  private var work: Task<Void, Never>?
  private var isFailing = false

  init(_ source: any VersionSource, metrics: ServerMetrics, logger: Logger) {
    (self.source, self.metrics, self.logger) = (source, metrics, logger)
  }

  func add(_ predictions: [ServedRecord]) {
    waiting += predictions
    if waiting.count > Self.capacity {
      metrics.unremembered(waiting.count - Self.capacity)
      waiting.removeFirst(waiting.count - Self.capacity)
    }
    if work == nil { work = Task { await run() } }
  }

  /// Returns once everything that was added before has been kept, or could not be.
  func flush() async {
    while let work { await work.value }
  }

  private func run() async {
    defer { work = nil }
    while !waiting.isEmpty {
      let part = waiting
      waiting = []
      do {
        try await source.remember(part)
        isFailing = false
      } catch {
        metrics.unremembered(part.count)
        if !isFailing {
          logger.error("served predictions are not kept", metadata: ["error": "\(type(of: error))"])
        }
        isFailing = true
      }
    }
  }
}
