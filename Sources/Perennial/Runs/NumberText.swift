import Foundation

/// Numbers as people read them, the same in tables, on the terminal and in reports.
enum NumberText {
  /// `digits` places after the point, with a point in every locale; "-0.0" is written "0.0".
  static func fixed(_ value: Double, _ digits: Int) -> String {
    guard value.isFinite else { return value.isNaN ? "NaN" : value < 0 ? "-inf" : "inf" }
    let text = String(format: "%.\(digits)f", value)
    return text.first == "-" && !text.contains { "123456789".contains($0) } ? String(text.dropFirst()) : text
  }

  /// A value of a metric: fractions in percent with one place, anything else with three significant digits.
  static func value(_ value: Double, of metric: MetricName) -> String {
    metric.isFraction ? fixed(100 * value, 1) : String(format: "%.3g", value)
  }

  /// Three significant digits.
  static func short(_ value: Double) -> String { String(format: "%.3g", value) }

  /// "88.8 ± 0.5", or "88.8" of a single value.
  static func spread(_ statistic: Statistic, of metric: MetricName) -> String {
    let mean = value(statistic.mean, of: metric)
    return statistic.n > 1 ? "\(mean) ± \(value(statistic.std, of: metric))" : mean
  }

  /// "0.42", "8.3", "512": seconds, or whatever else spans magnitudes.
  static func magnitude(_ value: Double) -> String {
    switch abs(value) {
    case ..<1: fixed(value, 2)
    case ..<100: fixed(value, 1)
    default: fixed(value, 0)
    }
  }

  /// "8.3 s", "2 min 05 s", "3 h 20 min".
  static func duration(_ seconds: Double) -> String {
    guard seconds.isFinite, seconds >= 99.5 else { return "\(magnitude(seconds)) s" }
    guard seconds < 360_000_000 else { return "\(fixed(seconds / 3600, 0)) h" }
    let whole = Int(seconds.rounded())
    let padded = { (value: Int) in value < 10 ? "0\(value)" : "\(value)" }
    return whole < 3600
      ? "\(whole / 60) min \(padded(whole % 60)) s" : "\(whole / 3600) h \(padded(whole % 3600 / 60)) min"
  }

  /// "640 B", "3.1 MB", "412 MB", "1.2 GB": thousands, not 1024s.
  static func bytes(_ bytes: Double) -> String {
    var value = bytes
    var unit = "B"
    for next in ["kB", "MB", "GB", "TB"] where value >= 999.5 {
      value /= 1000
      unit = next
    }
    return unit == "B" ? "\(fixed(value, 0)) B" : "\(fixed(value, value < 9.95 ? 1 : 0)) \(unit)"
  }

  /// "640", "12.8 k", "41 M", "1.2 G".
  static func scaled(_ value: Double) -> String {
    let units: [(Double, String)] = [(1e9, "G"), (1e6, "M"), (1e3, "k")]
    guard let (unit, name) = units.first(where: { abs(value) >= $0.0 * 0.9995 }) else {
      return magnitude(value)
    }
    return "\(magnitude(value / unit)) \(name)"
  }

  /// "0.42 ms", "12 ms".
  static func milliseconds(_ seconds: Double) -> String { "\(magnitude(1000 * seconds)) ms" }

  /// "1 234 567", with narrow spaces that do not break.
  static func grouped(_ number: Int) -> String {
    var text = ""
    let digits = Array(String(number.magnitude))
    for (index, digit) in digits.enumerated() {
      if index > 0 && (digits.count - index) % 3 == 0 { text += "\u{202F}" }
      text.append(digit)
    }
    return number < 0 ? "-" + text : text
  }

  /// "1 experience", "3 experiences".
  static func count(_ number: Int, _ noun: String) -> String { "\(number) \(noun)\(number == 1 ? "" : "s")" }

  /// "a", "a and b", "a, b and c".
  static func list(_ names: [String]) -> String {
    guard let last = names.last, names.count > 1 else { return names.first ?? "" }
    return names.dropLast().joined(separator: ", ") + " and " + last
  }
}
