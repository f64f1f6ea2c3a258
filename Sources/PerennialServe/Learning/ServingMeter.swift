import Foundation
import Perennial

/// Judges what was served, label by label: prequential accuracy, drift, and how each class fares.
struct ServingMeter {
  /// A change in the errors.
  struct Drift: Sendable, Codable, Equatable {
    /// Labels that had come.
    let items: Int
    let time: Date
    /// Whether errors became more rather than fewer.
    let isWorse: Bool
  }

  /// Marks and points kept for the page.
  private static let kept = 500

  private var evaluator: PrequentialEvaluator
  private var detector: any DriftDetector
  private let window: Int
  /// Answers since the last drift, and the latest of all: whether each was right.
  private var since = Tally()
  private var latest: [Bool] = []
  private var codes: [String: Int] = [:]
  private(set) var drifts: [Drift] = []
  private(set) var points: [PrequentialRecord.Point] = []
  /// Labels by version, then by true label.
  private(set) var classes: [Int: [String: Tally]] = [:]

  /// - Throws: `ConfigurationError` for a detector that is not known, and for a window below 1.
  init(_ options: JudgingOptions) throws {
    var prequential = PrequentialOptions()
    window = max(options.window, 1)
    prequential.window = window
    evaluator = PrequentialEvaluator(prequential, isClassification: true)
    detector = try DriftDetectorRegistry.make(Selection(options.detector))
  }

  /// Labels so far.
  var items: Int { evaluator.record.items }
  /// Over all labels, and over the window; nil before the first.
  var accuracy: Double? { evaluator.record.score }
  var windowAccuracy: Double? { items > 0 ? evaluator.windowScore : nil }

  /// The answers of a version.
  func tally(of version: Int) -> Tally {
    (classes[version] ?? [:]).values.reduce(Tally(), +)
  }

  /// The latest answers, whichever version gave them.
  func recent(_ count: Int) -> Tally { latest.suffix(count).reduce(into: Tally()) { $0.record($1) } }

  /// Judges one answer; gives the drift that it completed the evidence of.
  mutating func score(served: String, truth: String, version: Int, at time: Date = Date()) -> Drift? {
    let isRight = served == truth
    let point = evaluator.score([code(served)], [code(truth)])
    if let point { points = (points + [point]).suffix(Self.kept) }
    classes[version, default: [:]][truth, default: Tally()].record(isRight)
    since.record(isRight)
    latest = (latest + [isRight]).suffix(window)
    detector.update(isRight ? 0 : 1)
    guard detector.isDrift else { return nil }
    let drift = Drift(items: items, time: time, isWorse: recent(32).accuracy ?? 1 < since.accuracy ?? 1)
    drifts = (drifts + [drift]).suffix(Self.kept)
    evaluator.markBoundary()
    since = Tally()
    return drift
  }

  private mutating func code(_ label: String) -> Double {
    let code = codes[label] ?? codes.count
    codes[label] = code
    return Double(code)
  }
}
