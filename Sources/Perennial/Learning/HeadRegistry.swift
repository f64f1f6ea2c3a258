import Torch

/// The heads that a recipe can name: `head: cosine`, `head: {fixed: {outputs: 100}}`.
public enum HeadRegistry {
  struct NoOptions: Configurable {}

  struct FixedOptions: Configurable {
    /// Units from the start; those of unseen classes do not take part.
    var outputs = 10

    func validate(at node: ConfigurationNode) throws { try node.require("outputs", outputs, atLeast: 1) }
  }

  struct CosineOptions: Configurable {
    /// η at the start.
    var scale = 10.0

    func validate(at node: ConfigurationNode) throws { try node.require("scale", scale, above: 0) }
  }

  struct LocalSimilarityOptions: Configurable {
    /// Vectors a class.
    var proxies = 10
    /// η at the start.
    var scale = 1.0

    func validate(at node: ConfigurationNode) throws {
      try node.require("proxies", proxies, atLeast: 1)
      try node.require("scale", scale, above: 0)
    }
  }

  struct StreamingLDAOptions: Configurable {
    /// The share of the identity in the covariance.
    var shrinkage = 1e-4

    func validate(at node: ConfigurationNode) throws { try node.require("shrinkage", shrinkage, in: 0...1) }
  }

  struct RidgeOptions: Configurable {
    /// Units of the random expansion.
    var width = 1000

    func validate(at node: ConfigurationNode) throws { try node.require("width", width, atLeast: 1) }
  }

  struct NeighboursOptions: Configurable {
    /// The most features kept.
    var memory = 5000
    /// How many neighbours vote.
    var neighbours = 5

    func validate(at node: ConfigurationNode) throws {
      try node.require("memory", memory, atLeast: 1)
      try node.require("neighbours", neighbours, atLeast: 1)
    }
  }

  typealias Maker = @Sendable (Selection, _ features: Int, Generator) throws -> any Head

  static let makers: KeyValuePairs<String, Maker> = [
    "linear": { selection, features, generator in
      _ = try selection.decode(NoOptions.self)
      return try LinearHead(features: features, generator)
    },
    "none": { selection, features, _ in
      _ = try selection.decode(NoOptions.self)
      return FeatureHead(features: features)
    },
    "fixed": { selection, features, generator in
      let options = try selection.decode(FixedOptions.self)
      return try FixedHead(features: features, capacity: options.outputs, generator)
    },
    "cosine": { selection, features, generator in
      let options = try selection.decode(CosineOptions.self)
      return try CosineHead(features: features, scale: options.scale, generator)
    },
    "local-similarity": { selection, features, generator in
      let options = try selection.decode(LocalSimilarityOptions.self)
      return try LocalSimilarityHead(
        features: features, proxies: options.proxies, scale: options.scale, generator)
    },
    "nearest-class-mean": { selection, features, generator in
      _ = try selection.decode(NoOptions.self)
      return try NearestClassMeanHead(features: features, generator)
    },
    "streaming-lda": { selection, features, _ in
      let options = try selection.decode(StreamingLDAOptions.self)
      return try StreamingLDAHead(features: features, shrinkage: options.shrinkage)
    },
    "ridge": { selection, features, generator in
      let options = try selection.decode(RidgeOptions.self)
      return try RidgeHead(features: features, width: options.width, generator)
    },
    "nearest-neighbours": { selection, features, _ in
      let options = try selection.decode(NeighboursOptions.self)
      return try NearestNeighboursHead(
        features: features, memory: options.memory, neighbours: options.neighbours)
    },
  ]

  /// Makes the head that a recipe names, for features of width `features`.
  ///
  /// - Throws: `ConfigurationError` with the line of an unknown name or a wrong option.
  public static func make(_ selection: Selection, features: Int, _ generator: Generator) throws -> any Head {
    try selection.pick(from: makers, kind: "head")(selection, features, generator)
  }
}
