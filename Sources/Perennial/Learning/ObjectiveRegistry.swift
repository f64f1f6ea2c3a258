/// The objectives that a recipe can name: `objective: regression`, `objective: {classification: {label_smoothing: 0.1}}`.
public enum ObjectiveRegistry {
  struct NoOptions: Configurable {}

  struct ClassificationOptions: Configurable {
    var labelSmoothing = 0.0

    func validate(at node: ConfigurationNode) throws {
      try node.require("label_smoothing", labelSmoothing, in: 0..<1)
    }
  }

  struct EmbeddingOptions: Configurable {
    var distance = EmbeddingPrediction.Distance.euclidean
  }

  static let makers: KeyValuePairs<String, @Sendable (Selection) throws -> any Objective> = [
    "classification": {
      Classification(labelSmoothing: try $0.decode(ClassificationOptions.self).labelSmoothing)
    },
    "tokens": {
      TokenPrediction(labelSmoothing: try $0.decode(ClassificationOptions.self).labelSmoothing)
    },
    "embedding": {
      EmbeddingPrediction(distance: try $0.decode(EmbeddingOptions.self).distance)
    },
    "multi-label": {
      _ = try $0.decode(NoOptions.self)
      return MultiLabelClassification()
    },
    "regression": {
      _ = try $0.decode(NoOptions.self)
      return Regression()
    },
  ]

  /// - Throws: `ConfigurationError` with the line of an unknown name or a wrong option.
  public static func make(_ selection: Selection) throws -> any Objective {
    try selection.pick(from: makers, kind: "objective")(selection)
  }
}
