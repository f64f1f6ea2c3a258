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

  /// What the recipe's model learns.
  ///
  /// - Throws: `ConfigurationError` with the line of an unknown name or a wrong option.
  func objective(_ recipe: Recipe) throws -> any Objective

  /// Where a file that a recipe names is: below the data folder unless its path is absolute.
  func file(_ path: String) -> URL

  /// How inputs that arrive one after the other are read, kept and turned into rows: for models that go on learning.
  ///
  /// - Throws: `ConfigurationError` at the recipe's data where the modality does not know such inputs.
  func liveInputs(_ recipe: Recipe) throws -> any LiveInputs
}

extension Modality {
  /// An objective that any data can have.
  public func objective(_ recipe: Recipe) throws -> any Objective {
    try ObjectiveRegistry.make(recipe.objective)
  }

  /// The path itself.
  public func file(_ path: String) -> URL { URL(fileURLWithPath: path) }

  /// Knows none.
  public func liveInputs(_ recipe: Recipe) throws -> any LiveInputs {
    throw recipe.stream.data.node.error(
      "`\(recipe.stream.data.name)` does not say how inputs arrive over time")
  }

  /// The stream as an arm learns it.
  func stream(_ recipe: Recipe, of arm: Recipe.Arm, seed: UInt64) throws -> Stream {
    let stream = try stream(recipe, seed: seed)
    return arm.classes.map(stream.restricted) ?? stream
  }

  /// The model as the recipe trains it: with the parts frozen that shall not learn.
  public func trainedBlueprint(_ recipe: Recipe, for stream: Stream) throws -> Blueprint {
    var blueprint = try blueprint(recipe, for: stream)
    if recipe.training.recompute { blueprint = blueprint.recomputing() }
    if recipe.training.precision != .float32 {
      blueprint = blueprint.computing(in: recipe.training.precision.dtype)
    }
    return recipe.training.freeze == .backbone ? blueprint.withFrozenBackbone() : blueprint
  }
}
