import Foundation
import Perennial

/// What the page shows of the present.
struct Overview: Encodable, Sendable {
  struct Class: Encodable, Sendable {
    let label: String
    /// Under the version in use, and under all before.
    let now: Tally
    let then: Tally
  }

  struct Candidate: Encodable, Sendable {
    let version: Int
    let mode: LearningPolicy.Mode
    let needed: Int
    let candidate: Tally
    let current: Tally
  }

  struct Watched: Encodable, Sendable {
    let version: Int
    let previous: Int
    let needed: Int
    let since: Tally
    let before: Tally
  }

  struct Latency: Encodable, Sendable {
    let median: Double?
    let high: Double?
  }

  let model: String
  let kind: String
  let parameters: Int
  let version: Int
  let started: Date
  let now: Date
  let isLearning: Bool
  let isPaused: Bool
  let isTraining: Bool
  let hasAdmin: Bool
  let revision: Int
  let predictions: Int
  let waiting: Int
  let latency: Latency
  let labels: Int
  let newLabels: Int
  let labelsNeeded: Int?
  let accuracy: Double?
  let windowAccuracy: Double?
  let window: Int
  let points: [PrequentialRecord.Point]
  let drifts: [ServingMeter.Drift]
  let classes: [Class]
  /// What the memories of the version in use hold, and what was learned and is still known.
  let memory: [LabelCount]
  let learned: [LabelCount]
  let trial: Candidate?
  let watch: Watched?
  let events: [ServerEvent]
}

extension Deployment {
  /// The present, for the page.
  func overview() async -> Overview {
    let held = await held()
    let waiting = await current.predict.waiting
    let policy = options.learning
    let (count, median, high) = metrics.latencies { ($0.count, $0.quantile(0.5), $0.quantile(0.99)) }
    return Overview(
      model: source.name, kind: current.card.kind, parameters: current.card.parameters,
      version: current.number,
      started: started, now: Date(), isLearning: policy != nil, isPaused: isPaused, isTraining: isTraining,
      hasAdmin: options.adminToken != nil, revision: revision, predictions: count,
      waiting: waiting, latency: .init(median: median, high: high), labels: meter.items,
      newLabels: newLabels, labelsNeeded: policy.map { hasDrifted ? $0.labelsAfterDrift : $0.labels },
      accuracy: meter.accuracy, windowAccuracy: meter.windowAccuracy, window: options.judging.window,
      points: meter.points, drifts: meter.drifts, classes: classes(), memory: held.memory,
      learned: held.learned,
      trial: trial.map {
        .init(
          version: $0.slot.number, mode: $0.mode, needed: policy?.trial ?? 0, candidate: $0.candidate,
          current: $0.current)
      },
      watch: watch.map {
        .init(
          version: $0.version, previous: $0.previous, needed: policy?.watch ?? 0, since: $0.since,
          before: $0.before)
      },
      events: events.suffix(50).reversed())
  }

  /// What memories hold, and what was learned and is still known.
  struct Holdings: Sendable {
    var memory: [LabelCount] = []
    var learned: [LabelCount] = []
  }

  /// Looked up once for each change of versions, whoever asks.
  private func held() async -> Holdings {
    if holdings?.revision != revision {
      let (source, number) = (source, current.number)
      holdings = (
        revision, Task { try? await Holdings(memory: source.memory(of: number), learned: source.known()) }
      )
    }
    let asked = holdings
    guard let found = await asked?.task.value else {
      // It may go better the next time.
      if holdings?.revision == asked?.revision { holdings = nil }
      return Holdings()
    }
    metrics.memory.set(found.memory.reduce(0) { $0 + $1.count })
    metrics.learned.set(found.learned.reduce(0) { $0 + $1.count })
    return found
  }

  /// How each class fares under the version in use, and fared before.
  private func classes() -> [Overview.Class] {
    let now = meter.classes[current.number] ?? [:]
    var then: [String: Tally] = [:]
    for (version, tallies) in meter.classes where version != current.number {
      for (label, tally) in tallies { then[label] = (then[label] ?? Tally()) + tally }
    }
    return Set(now.keys).union(then.keys).sorted().map {
      .init(label: $0, now: now[$0] ?? Tally(), then: then[$0] ?? Tally())
    }
  }
}
