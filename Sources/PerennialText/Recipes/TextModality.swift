import Foundation
import Perennial
import Torch

/// Texts for recipes: data sets, scenarios and language models by name.
public struct TextModality: Modality {
  private let sources: TextSources

  /// Takes data and models from below `root`.
  public init(root: DataRoot) { sources = TextSources(root: root) }

  /// Whether a recipe is about texts.
  public static func reads(_ recipe: Recipe) -> Bool {
    TextSources.names.contains(where: recipe.stream.data.isNamed)
  }

  public func stream(_ recipe: Recipe, seed: UInt64) throws -> Perennial.Stream {
    if let change = recipe.stream.augment.first {
      throw change.node.error("texts are not changed at random: leave `augment` out")
    }
    return try recipe.stream(recipe.plan(), of: sources.texts(recipe).source, seed: seed)
  }

  public func blueprint(_ recipe: Recipe, for stream: Perennial.Stream) throws -> Blueprint {
    let facts = try sources.texts(recipe).facts
    let isLanguageModel = TextModels.languageModels.contains(where: recipe.model.isNamed)
    guard isLanguageModel || TextModels.encoders.contains(where: recipe.model.isNamed) else {
      throw recipe.model.node.notAmong(
        TextModels.encoders + TextModels.languageModels, recipe.model.name, kind: "model for texts")
    }
    let isPrediction = recipe.objective.isNamed("tokens")
    guard isLanguageModel == isPrediction else {
      throw recipe.model.node.error(
        isPrediction
          ? "the next token is told by \(TextModels.languageModels.joined(separator: ", "))"
          : "a language model learns to tell the next token: write `objective: tokens`")
    }
    let url = sources.url
    return Blueprint { random in
      guard !isLanguageModel else {
        return Network(try TextModels.languageModel(recipe.model, facts, random, url))
      }
      let backbone = try TextModels.encoder(recipe.model, facts, random, url)
      return Network(
        backbone,
        head: try HeadRegistry.make(recipe.head, features: backbone.featureCount, random.stream("head")))
    }
  }

  /// Texts that arrive over time.
  public func liveInputs(_ recipe: Recipe) throws -> any LiveInputs {
    try LiveTexts(recipe, file: sources.url)
  }

  /// Where a file that a recipe names is: below the data root unless its path is absolute.
  public func file(_ path: String) -> URL { sources.url(path) }
}
