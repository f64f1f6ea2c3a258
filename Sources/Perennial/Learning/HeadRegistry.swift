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

  typealias Maker = @Sendable (Selection, _ features: Int, Generator) throws -> any Head

  static let makers: KeyValuePairs<String, Maker> = [
    "linear": { selection, features, generator in
      _ = try selection.decode(NoOptions.self)
      return try LinearHead(features: features, generator)
    },
    "fixed": { selection, features, generator in
      let options = try selection.decode(FixedOptions.self)
      return try FixedHead(features: features, capacity: options.outputs, generator)
    },
    "cosine": { selection, features, generator in
      let options = try selection.decode(CosineOptions.self)
      return try CosineHead(features: features, scale: options.scale, generator)
    },
    "nearest-class-mean": { selection, features, generator in
      _ = try selection.decode(NoOptions.self)
      return try NearestClassMeanHead(features: features, generator)
    },
  ]

  /// Makes the head that a recipe names, for features of width `features`.
  ///
  /// - Throws: `ConfigurationError` with the line of an unknown name or a wrong option.
  public static func make(_ selection: Selection, features: Int, _ generator: Generator) throws -> any Head {
    try selection.pick(from: makers, kind: "head")(selection, features, generator)
  }
}
