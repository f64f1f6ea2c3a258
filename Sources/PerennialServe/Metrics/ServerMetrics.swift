import CoreMetrics
import Foundation
import HTTPTypes
import Metrics

/// What a server counts.
final class ServerMetrics: Sendable {
  let registry = PrometheusRegistry(help: [
    "perennial_requests_total": "Requests answered, by route and status.",
    "perennial_request_seconds": "Time from the head of a request to the end of its answer's making.",
    "perennial_predictions_total": "Inputs predicted, by version.",
    "perennial_feedback_total": "Labels that came, by what became of them.",
    "perennial_prequential_accuracy": "Accuracy of served predictions over the last labels.",
    "perennial_drift_total": "Drifts found in the errors of served predictions.",
    "perennial_model_version": "Number of the version in use.",
    "perennial_promotions_total": "Versions that came into use.",
    "perennial_rollbacks_total": "Returns to an earlier version, by who asked for them.",
    "perennial_updates_total": "Updates that were tried, by how they ended.",
    "perennial_training": "1 while an update trains.",
    "perennial_batch_size": "Inputs of a batch.",
    "perennial_model_seconds": "Time that the model itself takes for a batch.",
    "perennial_model_failures_total": "Batches that a model could not answer.",
    "perennial_memory_examples": "Examples that the memories of the version in use hold.",
    "perennial_learned_examples": "Examples that were learned and are still known.",
    "perennial_unremembered_total": "Served predictions that could not be kept for labels after a restart.",
    "process_start_time_seconds": "Start of the process, in seconds since 1970.",
    "process_resident_memory_bytes": "Memory that the process has in use.",
  ])
  let accuracy: Meter
  let drifts: Counter
  let version: Meter
  let promotions: Counter
  let training: Meter
  let batches: Recorder
  let model: Timer
  let failures: Counter
  let memory: Meter
  let learned: Meter
  let latencies = Locked(LatencyWindow())
  private let resident: Meter

  init() {
    accuracy = Meter(label: "perennial_prequential_accuracy", factory: registry)
    drifts = Counter(label: "perennial_drift_total", factory: registry)
    version = Meter(label: "perennial_model_version", factory: registry)
    promotions = Counter(label: "perennial_promotions_total", factory: registry)
    training = Meter(label: "perennial_training", factory: registry)
    batches = Recorder(label: "perennial_batch_size", dimensions: [], aggregate: true, factory: registry)
    model = Timer(label: "perennial_model_seconds", dimensions: [], factory: registry)
    failures = Counter(label: "perennial_model_failures_total", factory: registry)
    memory = Meter(label: "perennial_memory_examples", factory: registry)
    learned = Meter(label: "perennial_learned_examples", factory: registry)
    resident = Meter(label: "process_resident_memory_bytes", factory: registry)
    Meter(label: "process_start_time_seconds", factory: registry).set(Date().timeIntervalSince1970)
  }

  /// A request that was answered.
  func answered(_ route: String, _ status: HTTPResponse.Status, _ duration: Duration) {
    Counter(
      label: "perennial_requests_total", dimensions: [("route", route), ("code", "\(status.code)")],
      factory: registry
    ).increment()
    let nanoseconds = Int64(duration / .nanoseconds(1))
    Timer(label: "perennial_request_seconds", dimensions: [("route", route)], factory: registry)
      .recordNanoseconds(nanoseconds)
  }

  func predicted(_ count: Int, by version: Int, in duration: Duration) {
    self.count("perennial_predictions_total", "version", "\(version)", by: count)
    latencies { $0.add(duration / .milliseconds(1)) }
  }

  func fedBack(_ result: String, _ count: Int) {
    if count > 0 { self.count("perennial_feedback_total", "result", result, by: count) }
  }

  func unremembered(_ count: Int) {
    Counter(label: "perennial_unremembered_total", factory: registry).increment(by: count)
  }

  func rolledBack(by who: String) { count("perennial_rollbacks_total", "by", who) }
  func updated(_ result: String) { count("perennial_updates_total", "result", result) }

  private func count(_ label: String, _ key: String, _ value: String, by amount: Int = 1) {
    Counter(label: label, dimensions: [(key, value)], factory: registry).increment(by: amount)
  }

  /// What `/metrics` answers.
  var text: String {
    resident.set(ProcessMemory.resident)
    return registry.text
  }
}

/// The latest answers' times.
struct LatencyWindow {
  private static let capacity = 2048
  private var samples: [(time: ContinuousClock.Instant, milliseconds: Double)] = []
  private var next = 0
  private(set) var count = 0

  mutating func add(_ milliseconds: Double) {
    count += 1
    if samples.count < Self.capacity {
      samples.append((.now, milliseconds))
    } else {
      samples[next] = (.now, milliseconds)
      next = (next + 1) % Self.capacity
    }
  }

  /// The time within which this share of the answers of the last minute came, in milliseconds; nil where there were
  /// none.
  func quantile(_ share: Double) -> Double? {
    let recent = samples.filter { $0.time > .now - .seconds(60) }.map(\.milliseconds).sorted()
    guard !recent.isEmpty else { return nil }
    return recent[min(Int((share * Double(recent.count)).rounded(.up)), recent.count) - 1]
  }
}

/// How much memory the process has.
enum ProcessMemory {
  /// Bytes in use; 0 where the system does not say.
  static var resident: Int {
    guard let text = try? String(contentsOfFile: "/proc/self/statm", encoding: .utf8) else { return 0 }
    let pages = text.split(separator: " ").dropFirst().first.flatMap { Int($0) } ?? 0
    return pages * Int(sysconf(Int32(_SC_PAGESIZE)))
  }
}
