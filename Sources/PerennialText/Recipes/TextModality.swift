import Foundation
import Perennial
import Torch

/// Texts for recipes: data sets, scenarios and language models by name.
public struct TextModality: Modality {
  let sources: TextSources

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
    let kind = try kind(of: recipe)
    guard let facts = try sources.texts(recipe).facts else {
      throw recipe.model.node.error(
        "the data are vectors: a model for rows of numbers is needed, such as `mlp`")
    }
    guard (kind == .reader) == (facts.memories != nil) else {
      throw recipe.model.node.error("a memory network reads `stories`, and no other model does")
    }
    let url = sources.url
    return Blueprint { random in
      switch kind {
      case .languageModel:
        return Network(
          try TextModels.languageModel(recipe.model, facts, random, url), filler: facts.filler)
      case .encoderDecoder: return Network(try TextModels.encoderDecoder(recipe.model, facts, random, url))
      case .encoder, .reader:
        let backbone =
          try kind == .reader
          ? TextModels.reader(recipe.model, facts, random)
          : TextModels.encoder(recipe.model, facts, random, url)
        return Network(
          backbone,
          head: try HeadRegistry.make(recipe.head, features: backbone.featureCount, random.stream("head")))
      }
    }
  }

  public func objective(_ recipe: Recipe) throws -> any Objective {
    guard recipe.objective.isNamed("writing") else { return try ObjectiveRegistry.make(recipe.objective) }
    _ = try kind(of: recipe)
    let options = try recipe.objective.decode(WritingOptions.self)
    let isOfRecords = TextSources.recordNames.contains(where: recipe.stream.data.isNamed)
    guard isOfRecords, let tokenizer = try sources.texts(recipe).tokenizer else {
      throw recipe.objective.node.error(
        "what is written is judged for \(TextSources.recordNames.map { "`\($0)`" }.joined(separator: " and "))"
      )
    }
    return try Writing(
      tokenizer, TokenPrediction(labelSmoothing: options.labelSmoothing), score: options.score,
      limit: options.tokens)
  }

  /// What the model is for, which must fit what it shall learn.
  private func kind(of recipe: Recipe) throws -> TextModels.Kind {
    guard let kind = TextModels.kind(of: recipe.model) else {
      throw recipe.model.node.notAmong(TextModels.names, recipe.model.name, kind: "model for texts")
    }
    guard kind.takes(recipe.objective) else { throw recipe.model.node.error(kind.refusal) }
    return kind
  }

  /// The folder whose tokenizer a recipe's model brings along; nil where it brings none.
  public func folder(of recipe: Recipe) throws -> URL? { try TextModels.folder(recipe.model, sources.url) }

  /// The folder that holds a recipe's model as it begins; nil where none does.
  public func base(of recipe: Recipe) throws -> URL? { try TextModels.base(recipe.model, sources.url) }

  /// What made tokens of a recipe's texts; nil where nothing that has a file did.
  ///
  /// - Throws: as `stream`, where the texts have to be read.
  public func tokenizer(of recipe: Recipe) throws -> TokenizerFiles? {
    let data = recipe.stream.data.options
    let named = try (data["tokenizer"] ?? data["rows"]?["tokenizer"])?.decode(String.self)
    var isFolder: ObjCBool = false
    if let place = try named.map(file) ?? folder(of: recipe),
      FileManager.default.fileExists(atPath: place.path, isDirectory: &isFolder), isFolder.boolValue
    {
      return .folder(place)
    }
    return try sources.texts(recipe).tokenizer.map(TokenizerFiles.tokenizer)
  }

  /// Texts that arrive over time.
  public func liveInputs(_ recipe: Recipe) throws -> any LiveInputs {
    try LiveTexts(recipe, file: sources.url)
  }

  /// Where a file that a recipe names is: below the data root unless its path is absolute.
  public func file(_ path: String) -> URL { sources.url(path) }
}
