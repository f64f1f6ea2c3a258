import Foundation
import Torch

/// What a kind of data brings to recipes: its data sets, scenarios and models.
public protocol Modality {
  /// The stream that a recipe describes; whatever is random follows from the seed.
  ///
  /// - Throws: `ConfigurationError` with the line of a wrong choice, `StreamError` for what the data cannot give, or
  ///   what reading the data throws.
  func stream(_ recipe: Recipe, seed: UInt64) throws -> Stream

  /// How to make the model that a recipe describes, for inputs of this stream.
  func blueprint(_ recipe: Recipe, for stream: Stream) throws -> Blueprint

  /// A file of weights, below the data folder unless its path is absolute.
  func weights(_ path: String) throws -> Safetensors.Contents
}

extension Modality {
  /// Reads the file at the path itself.
  public func weights(_ path: String) throws -> Safetensors.Contents {
    try Safetensors.read(URL(fileURLWithPath: path))
  }

  /// The model as the recipe trains it: with the parts frozen that shall not learn.
  func trainedBlueprint(_ recipe: Recipe, for stream: Stream) throws -> Blueprint {
    let blueprint = try blueprint(recipe, for: stream)
    return recipe.training.freeze == .backbone ? blueprint.withFrozenBackbone() : blueprint
  }
}
