import Torch

/// Texts as items of their tokens: where a model gives outputs for each place `[N, L, K]`, terms see every place that counts
/// as an item `[M, K]`; where it gives one output an item, nothing changes.
struct CountedTokens {
  private let length: Int
  /// The places that count among all N · L, int64 `[M]`; nil where items have one output each.
  private let index: Tensor?

  /// - Parameters:
  ///   - outputs: `[N, L, K]`, or `[N, K]`.
  ///   - targets: int64 `[N, L]`, below 0 at places that do not count.
  init(_ outputs: Tensor, _ targets: Tensor) throws {
    guard outputs.rank == 3 else {
      (length, index) = (1, nil)
      return
    }
    length = outputs.shape[1]
    index = try noGrad { try (targets.flatten() .>= 0).nonzero().flatten() }
  }

  /// Outputs of the places that count, `[M, K]`, or what they are made of.
  func rows(_ outputs: Tensor) throws -> Tensor {
    guard let index else { return outputs }
    return try outputs.reshape([-1, outputs.shape[2]]).indexSelect(index.to(outputs.device))
  }

  /// A value of each item `[N]` for each of its places that count, `[M]`.
  func items(_ values: Tensor) throws -> Tensor {
    guard let index else { return values }
    return try values.repeatInterleaved(length, dim: 0).indexSelect(index.to(values.device))
  }
}
