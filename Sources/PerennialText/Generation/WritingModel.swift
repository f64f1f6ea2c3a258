import Foundation
import Perennial
import PerennialTokenizers
import Torch

/// A model that writes: one that goes on with a text, or one that reads a source and writes a target.
public enum WritingModel {
  case decoder(any CausalLanguageModel)
  case encoderDecoder(T5)

  /// The model, whichever it is.
  public var module: any Promptable {
    switch self {
    case .decoder(let model): model
    case .encoderDecoder(let model): model
    }
  }

  /// The tokens of what it is given. A source ends with the token that ends a text, whether its tokenizer puts one there or not.
  public func tokens(of text: String, _ tokenizer: Tokenizer) -> [Int] {
    let ids = tokenizer.encode(text).ids.map(Int.init)
    guard case .encoderDecoder(let model) = self, let end = model.endTokens.first, ids.last != end else {
      return ids
    }
    return ids + [end]
  }

  /// Writes on, or writes targets; see `CausalLanguageModel.generate` and `T5.generate`.
  public func generate(
    _ prompts: [[Int]], _ options: GenerationOptions = GenerationOptions(),
    listener: (GeneratedToken) throws -> GenerationDecision = { _ in .more }
  ) throws -> [Generation] {
    switch self {
    case .decoder(let model): try model.generate(prompts, options, listener: listener)
    case .encoderDecoder(let model): try model.generate(prompts, options, listener: listener)
    }
  }
}

extension ModelFolder {
  /// The model in the folder, whatever it is for.
  ///
  /// - Throws: as `load`.
  public func loadPromptable() throws -> any Promptable {
    BERT.modelTypes.contains(try modelType()) ? try load(BERT.self) : try loadWritingModel().module
  }

  /// The model in the folder that writes, whichever it is.
  ///
  /// - Throws: as `load`; `FileError` for a model that does not write.
  public func loadWritingModel() throws -> WritingModel {
    guard T5.modelTypes.contains(try modelType()) else { return .decoder(try loadLanguageModel()) }
    return .encoderDecoder(try load(T5.self))
  }
}
