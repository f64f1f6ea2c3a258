/// The name of a metric, as in recipes and `results.json`. Open: a modality may add its own.
public struct MetricName: RawRepresentable, Hashable, Sendable, ExpressibleByStringLiteral,
  CustomStringConvertible
{
  public let rawValue: String

  public init(rawValue: String) { self.rawValue = rawValue }
  public init(stringLiteral value: String) { rawValue = value }

  /// The metrics of ``AccuracyMatrix``, which gives the formula of each.
  public static let averageAccuracy: MetricName = "average_accuracy"
  public static let averageIncrementalAccuracy: MetricName = "average_incremental_accuracy"
  public static let anytimeAccuracy: MetricName = "anytime_accuracy"
  public static let forgetting: MetricName = "forgetting"
  public static let forgettingFromLearned: MetricName = "forgetting_from_learned"
  public static let backwardTransfer: MetricName = "backward_transfer"
  public static let forwardTransfer: MetricName = "forward_transfer"
  public static let intransigence: MetricName = "intransigence"
  public static let learningCurveArea: MetricName = "learning_curve_area"
  public static let negativeFlipRate: MetricName = "negative_flip_rate"

  /// The score on every batch of an online stream before it was learned.
  public static let prequentialAccuracy: MetricName = "prequential_accuracy"

  /// The average accuracy where validation examples were learned best; see ``AccuracyMatrix/selectedAccuracy``.
  public static let selectedAccuracy: MetricName = "selected_accuracy"
  /// The expected calibration error at the end; see ``Calibration``.
  public static let calibrationError: MetricName = "calibration_error"

  /// How well answers tell test items of none of the classes by how unsure they are; see ``DetectionScore/areaUnderROC``.
  public static let outOfScopeDetection: MetricName = "out_of_scope_auroc"

  /// The geometric mean of the perplexities at the end; see ``AccuracyMatrix/perplexity``.
  public static let perplexity: MetricName = "perplexity"
  /// By what share perplexities grew since they were just learned; see ``AccuracyMatrix/perplexityGrowth``.
  public static let perplexityGrowth: MetricName = "perplexity_growth"

  /// The metrics that only some runs have. All but the perplexity are fractions.
  static let occasional: [MetricName] = [
    .prequentialAccuracy, .selectedAccuracy, .calibrationError, .outOfScopeDetection, .perplexity,
    .perplexityGrowth,
  ]

  /// The metrics of the accuracy matrix, in the order in which files and tables list them. All are fractions.
  public static let standard: [MetricName] = [
    .averageAccuracy, .averageIncrementalAccuracy, .anytimeAccuracy, .forgetting, .forgettingFromLearned,
    .backwardTransfer, .forwardTransfer, .intransigence, .learningCurveArea, .negativeFlipRate,
  ]

  public var description: String { rawValue }

  /// The name in words, such as "average accuracy".
  public var title: String { rawValue.split(separator: "_").joined(separator: " ") }

  /// What the metric says, in one line for a reader who has not met it.
  public var explanation: String {
    switch self {
    case .averageAccuracy: "over all experiences, at the end"
    case .averageIncrementalAccuracy: "over the experiences seen so far, averaged along the way"
    case .anytimeAccuracy: "the same, at every evaluation"
    case .forgetting: "lost since each earlier experience was at its best"
    case .forgettingFromLearned: "lost since each earlier experience was just learned"
    case .backwardTransfer: "gained on earlier experiences by learning later ones"
    case .forwardTransfer: "gained on experiences before learning them"
    case .intransigence: "missing on new experiences, against joint training"
    case .learningCurveArea: "how good a new experience is after few batches"
    case .negativeFlipRate: "right before an update and wrong after it"
    case .prequentialAccuracy: "on every item of the stream, before it was learned"
    case .selectedAccuracy: "where validation examples were learned best"
    case .calibrationError: "between how sure it is and how often it is right"
    case .outOfScopeDetection: "of items of none of the classes, by how unsure the answer is"
    case .perplexity: "of test tokens at the end; lower is better"
    case .perplexityGrowth: "of earlier experiences since each was just learned; lower is better"
    default: ""
    }
  }

  /// Whether values are fractions, shown as percentages.
  public var isFraction: Bool {
    self != .perplexity && (Self.standard.contains(self) || Self.occasional.contains(self))
  }

  /// The standard order first, then alphabetical.
  static func precedes(_ one: MetricName, _ other: MetricName) -> Bool {
    let place = { standard.firstIndex(of: $0) ?? standard.count }
    return (place(one), one.rawValue) < (place(other), other.rawValue)
  }
}
