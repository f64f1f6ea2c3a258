import CoreMetrics
import Foundation

/// Collects metrics, and writes them as Prometheus reads them (text format 0.0.4).
///
/// Counters end in `_total`; timers are histograms in seconds, recorders that aggregate are histograms of numbers.
final class PrometheusRegistry: MetricsFactory {
  /// The type of the text.
  static let contentType = "text/plain; version=0.0.4; charset=utf-8"
  /// Upper bounds of the buckets of timers, in seconds.
  static let seconds = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10]
  /// Upper bounds of the buckets of recorders.
  static let counts: [Double] = [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024]

  private struct Family {
    let type: String
    var series: [String: any PrometheusSeries] = [:]
  }

  private let families = Locked<[String: Family]>([:])
  private let help: [String: String]

  /// - Parameter help: what metrics mean, by name.
  init(help: [String: String] = [:]) { self.help = help }

  /// All metrics, in the order of their names.
  var text: String {
    let families = families { $0 }
    var lines: [String] = []
    for (name, family) in families.sorted(by: { $0.key < $1.key }) {
      if let help = help[name] { lines.append("# HELP \(name) \(help)") }
      lines.append("# TYPE \(name) \(family.type)")
      for (labels, series) in family.series.sorted(by: { $0.key < $1.key }) {
        series.write(name, labels, into: &lines)
      }
    }
    return lines.map { $0 + "\n" }.joined()
  }

  /// The series of that name and labels, made where there is none; one of another type is left alone.
  private func series<Series: PrometheusSeries>(
    _ label: String, _ dimensions: [(String, String)], type: String, _ make: () -> Series
  ) -> Series {
    let labels = Self.labels(dimensions)
    return families { families in
      var family = families[Self.name(label)] ?? Family(type: type)
      if let found = family.series[labels] as? Series { return found }
      let series = make()
      guard family.type == type else { return series }
      family.series[labels] = series
      families[Self.name(label)] = family
      return series
    }
  }

  func makeCounter(label: String, dimensions: [(String, String)]) -> any CounterHandler {
    series(label, dimensions, type: "counter") { PrometheusCounter() }
  }

  func makeMeter(label: String, dimensions: [(String, String)]) -> any MeterHandler {
    series(label, dimensions, type: "gauge") { PrometheusGauge() }
  }

  func makeRecorder(label: String, dimensions: [(String, String)], aggregate: Bool) -> any RecorderHandler {
    guard aggregate else { return series(label, dimensions, type: "gauge") { PrometheusGauge() } }
    return series(label, dimensions, type: "histogram") { PrometheusHistogram(bounds: Self.counts) }
  }

  func makeTimer(label: String, dimensions: [(String, String)]) -> any TimerHandler {
    series(label, dimensions, type: "histogram") { PrometheusHistogram(bounds: Self.seconds) }
  }

  func destroyCounter(_ handler: any CounterHandler) { remove(handler) }
  func destroyMeter(_ handler: any MeterHandler) { remove(handler) }
  func destroyRecorder(_ handler: any RecorderHandler) { remove(handler) }
  func destroyTimer(_ handler: any TimerHandler) { remove(handler) }

  private func remove(_ handler: AnyObject) {
    families { families in
      for (name, family) in families {
        families[name]?.series = family.series.filter { $0.value !== handler }
      }
    }
  }

  /// A name that Prometheus allows.
  static func name(_ label: String) -> String {
    let name = String(
      label.map { $0.isASCII && ($0.isLetter || $0.isNumber || $0 == "_" || $0 == ":") ? $0 : "_" })
    return name.first?.isNumber ?? true ? "_" + name : name
  }

  /// `{a="b",c="d"}`, nothing where there are none.
  static func labels(_ dimensions: [(String, String)]) -> String {
    guard !dimensions.isEmpty else { return "" }
    let pairs = dimensions.map { key, value in
      let escaped = value.replacing("\\", with: "\\\\").replacing("\n", with: "\\n").replacing(
        "\"", with: "\\\"")
      return "\(name(key).replacing(":", with: "_"))=\"\(escaped)\""
    }
    return "{\(pairs.joined(separator: ","))}"
  }
}

/// One time series.
protocol PrometheusSeries: AnyObject, Sendable {
  /// Adds its lines.
  func write(_ name: String, _ labels: String, into lines: inout [String])
}

/// A number that only grows.
final class PrometheusCounter: CounterHandler, PrometheusSeries {
  private let value = Locked<Int64>(0)

  func increment(by amount: Int64) { value { $0 = $0.addingReportingOverflow(max(amount, 0)).partialValue } }
  func reset() { value { $0 = 0 } }
  func write(_ name: String, _ labels: String, into lines: inout [String]) {
    lines.append("\(name)\(labels) \(value { $0 })")
  }
}

/// A number that goes up and down.
final class PrometheusGauge: MeterHandler, RecorderHandler, PrometheusSeries {
  private let value = Locked<Double>(0)

  func set(_ new: Int64) { set(Double(new)) }
  func set(_ new: Double) { value { $0 = new } }
  func increment(by amount: Double) { value { $0 += amount } }
  func decrement(by amount: Double) { value { $0 -= amount } }
  func record(_ new: Int64) { set(Double(new)) }
  func record(_ new: Double) { set(new) }
  func write(_ name: String, _ labels: String, into lines: inout [String]) {
    lines.append("\(name)\(labels) \(PrometheusHistogram.text(value { $0 }))")
  }
}

/// How many numbers were at most so large.
final class PrometheusHistogram: TimerHandler, RecorderHandler, PrometheusSeries {
  private struct Counts {
    var buckets: [Int]
    var sum = 0.0
    var count = 0
  }

  private let bounds: [Double]
  private let counts: Locked<Counts>

  init(bounds: [Double]) {
    self.bounds = bounds
    counts = Locked(Counts(buckets: [Int](repeating: 0, count: bounds.count)))
  }

  func recordNanoseconds(_ duration: Int64) { record(Double(duration) / 1e9) }
  func record(_ value: Int64) { record(Double(value)) }
  func record(_ value: Double) {
    counts { counts in
      if let place = bounds.firstIndex(where: { value <= $0 }) { counts.buckets[place] += 1 }
      counts.sum += value
      counts.count += 1
    }
  }

  func write(_ name: String, _ labels: String, into lines: inout [String]) {
    let counts = counts { $0 }
    let open = labels.isEmpty ? "{" : String(labels.dropLast()) + ","
    var total = 0
    for (bound, count) in zip(bounds, counts.buckets) {
      total += count
      lines.append("\(name)_bucket\(open)le=\"\(Self.text(bound))\"} \(total)")
    }
    lines.append("\(name)_bucket\(open)le=\"+Inf\"} \(counts.count)")
    lines.append("\(name)_sum\(labels) \(Self.text(counts.sum))")
    lines.append("\(name)_count\(labels) \(counts.count)")
  }

  static func text(_ value: Double) -> String {
    if value.isNaN { return "NaN" }
    if value.isInfinite { return value > 0 ? "+Inf" : "-Inf" }
    return value == value.rounded() && abs(value) < 1e15 ? "\(Int64(value))" : "\(value)"
  }
}
