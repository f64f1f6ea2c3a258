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
}
