import Foundation
import Perennial
import PerennialText
import PerennialVision
import Torch

/// Whatever a recipe is about: images and tables, or texts.
public struct Modalities: Modality {
  private let vision: VisionModality
  private let text: TextModality

  public init(root: DataRoot) { (vision, text) = (VisionModality(root: root), TextModality(root: root)) }

  private func modality(_ recipe: Recipe) -> any Modality { TextModality.reads(recipe) ? text : vision }

  public func stream(_ recipe: Recipe, seed: UInt64) throws -> Perennial.Stream {
    try modality(recipe).stream(recipe, seed: seed)
  }

  public func blueprint(_ recipe: Recipe, for stream: Perennial.Stream) throws -> Blueprint {
    // Vectors are rows of numbers, whatever they were made of.
    let isVectors = stream.source.train.inputs.dtype.isFloatingPoint
    return try (isVectors ? vision : modality(recipe)).blueprint(recipe, for: stream)
  }

  public func objective(_ recipe: Recipe) throws -> any Objective { try modality(recipe).objective(recipe) }

  /// What made tokens of a recipe's texts, where it has any.
  public func tokenizer(of recipe: Recipe) throws -> TokenizerFiles? {
    TextModality.reads(recipe) ? try text.tokenizer(of: recipe) : nil
  }

  /// The folder that holds a recipe's model as it begins; nil where none does.
  public func base(of recipe: Recipe) throws -> URL? {
    TextModality.reads(recipe) ? try text.base(of: recipe) : nil
  }

  public func file(_ path: String) -> URL { vision.file(path) }

  public func liveInputs(_ recipe: Recipe) throws -> any LiveInputs {
    let isText = recipe.stream.data.isNamed(LiveTexts.name)
    return try isText ? text.liveInputs(recipe) : vision.liveInputs(recipe)
  }
}
