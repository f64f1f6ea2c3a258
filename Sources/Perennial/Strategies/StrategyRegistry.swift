/// The strategies that a recipe can name. A new method is one file and one line here.
public enum StrategyRegistry {
  typealias Maker = @Sendable (Selection) throws -> any Strategy

  static let makers: KeyValuePairs<String, Maker> = [
    "joint": { Joint(try $0.decode()) },
    "cumulative": { Joint(keeping: try $0.decode()) },
    "replay": { Replay(try $0.decode()) },
    "ewc": { ElasticWeightConsolidation(try $0.decode()) },
    "lwf": { LearningWithoutForgetting(try $0.decode()) },
    "distillation": { LearningWithoutForgetting(try $0.decode()) },
    "l1": { WeightPenalty(.l1, lambda: try $0.decode(WeightPenalty.Options.self).lambda) },
    "l2": { WeightPenalty(.l2, lambda: try $0.decode(WeightPenalty.Options.self).lambda) },
    "l2-previous": { WeightPenalty(.l2Previous, lambda: try $0.decode(WeightPenalty.Options.self).lambda) },
  ]

  /// The names, in the order of the documentation.
  public static var names: [String] { makers.map(\.key) }

  /// Makes the strategy that a recipe names.
  ///
  /// - Throws: `ConfigurationError` with the line of an unknown name or a wrong option.
  public static func make(_ selection: Selection) throws -> any Strategy {
    try selection.pick(from: makers, kind: "strategy")(selection)
  }
}
