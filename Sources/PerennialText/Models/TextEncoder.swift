import Perennial
import Torch

/// A model that gives every token of a text a vector.
public protocol TextEncoder: Module {
  /// D
  var width: Int { get }

  /// The id that fills up rows.
  var paddingToken: Int? { get }

  /// The places inside that others may look at.
  var taps: [Tap] { get }

  /// Vectors `[N, L, D]` of tokens `[N, L]`.
  func hiddenStates(_ batch: TokenBatch) throws -> Tensor

  /// The same with those of the embeddings that stand in front `[N, P + L, D]`, and P.
  func promptedStates(_ batch: TokenBatch) throws -> (hidden: Tensor, lead: Int)
}

extension TextEncoder {
  public func promptedStates(_ batch: TokenBatch) throws -> (hidden: Tensor, lead: Int) {
    (try hiddenStates(batch), 0)
  }
}
