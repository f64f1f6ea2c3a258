import Perennial
import Torch

/// A language model as a learner trains it: ids int64 `[N, L]` to features `[N, L, D]`. Paths are the model's own.
public final class LanguageModelBackbone: Module, Backbone {
  public let model: any CausalLanguageModel
  public var featureCount: Int { model.width }
  public let stages: [Stage] = []
  public var taps: [Tap] { model.taps }

  public init(_ model: any CausalLanguageModel) {
    self.model = model
    super.init()
    register("", model)
  }

  public func callAsFunction(_ ids: Tensor) throws -> Tensor {
    try model.hiddenStates(TokenBatch(ids.to(.int64), padding: nil))
  }
}

/// The output layer of a language model: features `[…, D]` to the scores of all tokens `[…, V]`.
///
/// Its weights are the model's, which may share them with its embeddings; the vocabulary does not grow.
public final class TokenHead: Module, Head {
  private let model: any CausalLanguageModel
  public var outputs: Int { model.vocabularySize }

  public init(_ model: any CausalLanguageModel) { self.model = model }

  /// - Throws: `TorchError` (`shape`) beyond the vocabulary.
  public func grow(to outputs: Int, _ generator: Generator) throws {
    guard outputs <= self.outputs else {
      throw TorchError(.shape, "a vocabulary of \(self.outputs) tokens has no room for \(outputs)")
    }
  }

  public func callAsFunction(_ features: Tensor) throws -> Tensor { try model.logits(features) }
}

extension Network {
  /// A language model that learns to tell the next token.
  public convenience init(_ model: any CausalLanguageModel) {
    self.init(LanguageModelBackbone(model), head: TokenHead(model))
  }

  /// The language model inside, where there is one.
  public var languageModel: (any CausalLanguageModel)? { (backbone as? LanguageModelBackbone)?.model }
}
