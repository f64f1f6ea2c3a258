import Perennial
import Torch

/// A model whose outputs are scores of tokens.
public protocol TokenOutputs: Module {
  /// V
  var vocabularySize: Int { get }

  /// The output layer's weight `[V, D]`, the token embeddings' where they are tied: what losses in pieces need.
  var outputWeight: Parameter { get }

  /// Scores of the next token `[…, V]` for vectors `[…, D]`.
  func logits(_ hidden: Tensor) throws -> Tensor
}

/// The output layer of a language model: features `[…, D]` to the scores of all tokens `[…, V]`.
///
/// Its weights are the model's, which may share them with its embeddings; the vocabulary does not grow.
public final class TokenHead: Module, Head {
  private let model: any TokenOutputs
  public var outputs: Int { model.vocabularySize }

  public init(_ model: any TokenOutputs) { self.model = model }

  /// - Throws: `TorchError` (`shape`) beyond the vocabulary.
  public func grow(to outputs: Int, _ generator: Generator) throws {
    guard outputs <= self.outputs else {
      throw TorchError(.shape, "a vocabulary of \(self.outputs) tokens has no room for \(outputs)")
    }
  }

  public func callAsFunction(_ features: Tensor) throws -> Tensor { try model.logits(features) }
}

extension TokenHead: PiecewiseHead {
  /// None beside an adapter of the output layer: its weight alone is not all of it.
  public func pieces(_ features: Tensor) -> OutputPieces? {
    let weight = model.outputWeight
    let own = model.modules.lazy.compactMap { $0 as? any MatrixProduct }.first { $0.weight === weight }
    guard (own as? Linear)?.adapters.isEmpty ?? true else { return nil }
    return OutputPieces(features, weight: weight.value, precision: own?.precision ?? .float32)
  }
}
