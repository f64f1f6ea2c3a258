/// The metrics of one run: every standard one, with nil where it is undefined, and whatever a modality adds.
public struct MetricValues: Equatable, Sendable {
  private var values: [MetricName: Double] = [:]

  public init(_ values: [MetricName: Double] = [:]) { self.values = values }

  /// Every standard metric of a record.
  ///
  /// - Parameter joint: the joint run of the same seed, which intransigence is measured against.
  public init(_ matrix: AccuracyMatrix, joint: AccuracyMatrix? = nil) {
    self[.averageAccuracy] = matrix.averageAccuracy
    self[.averageIncrementalAccuracy] = matrix.averageIncrementalAccuracy
    self[.anytimeAccuracy] = matrix.anytimeAccuracy
    self[.forgetting] = matrix.forgetting
    self[.forgettingFromLearned] = matrix.forgettingFromLearned
    self[.backwardTransfer] = matrix.backwardTransfer
    self[.forwardTransfer] = matrix.forwardTransfer
    self[.intransigence] = joint?.jointReference.flatMap { matrix.intransigence(joint: $0) }
    self[.learningCurveArea] = matrix.learningCurveArea()
    self[.negativeFlipRate] = matrix.negativeFlipRate
    self[.prequentialAccuracy] = matrix.prequential?.score
    self[.selectedAccuracy] = matrix.selectedAccuracy
    self[.calibrationError] = matrix.calibrationError
    self[.outOfScopeDetection] = matrix.outOfScopeDetection
    self[.perplexity] = matrix.perplexity
    self[.perplexityGrowth] = matrix.perplexityGrowth
  }

  /// The value of a metric; nil where it is not defined or was not recorded.
  public subscript(name: MetricName) -> Double? {
    get { values[name] }
    set { values[name] = newValue }
  }

  /// The names of all standard metrics, then of those added, in alphabetical order.
  public var names: [MetricName] {
    MetricName.standard
      + values.keys.filter { !MetricName.standard.contains($0) }.sorted(by: MetricName.precedes)
  }
}

extension MetricValues: Codable {
  /// Reads numbers by name; null is no value.
  public init(from decoder: any Decoder) throws {
    let container = try decoder.container(keyedBy: AnyKey.self)
    for key in container.allKeys {
      self[MetricName(rawValue: key.stringValue)] = try container.decodeIfPresent(Double.self, forKey: key)
    }
  }

  public func encode(to encoder: any Encoder) throws {
    var container = encoder.container(keyedBy: AnyKey.self)
    for name in names { try container.encode(self[name], forKey: AnyKey(name.rawValue)) }
  }
}

/// A coding key of any name.
struct AnyKey: CodingKey {
  let stringValue: String
  var intValue: Int? { nil }
  init(_ name: String) { stringValue = name }
  init(stringValue: String) { self.stringValue = stringValue }
  init?(intValue: Int) { nil }
}
