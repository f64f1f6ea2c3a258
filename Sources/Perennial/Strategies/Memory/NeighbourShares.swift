import Torch

/// What the values of neighbours say: p(v) ∝ Σ exp(−d² / τ) over the neighbours of value v.
///
/// Khandelwal et al., Generalization through Memorization: Nearest Neighbor Language Models, 2020, eq. 2 and 3, with the
/// squared distance that their program uses.
enum NeighbourShares {
  /// Shares `[N, K]`; a row is zero where it has no neighbours.
  ///
  /// - Parameters:
  ///   - distances: squared `[N, k]`, infinite where there is no neighbour.
  ///   - values: int64 `[N, k]`, each below K where there is a neighbour.
  static func shares(_ distances: Tensor, _ values: Tensor, outputs: Int, temperature: Double) throws
    -> Tensor
  {
    let isThere = try distances .< Double.infinity
    let scores = try (distances * (-1 / temperature)).maskedFill(isThere.logicalNot(), -1e30)
    let weights = try scores.softmax() * isThere.to(.float32)
    return try Tensor.zeros([distances.shape[0], outputs], device: distances.device)
      .scatterAdd(values.maskedFill(isThere.logicalNot(), 0), weights, dim: 1)
  }

  /// log(λ s + (1 − λ) p) `[N, K]`, p of the outputs; log p in rows that have no share.
  ///
  /// - Parameter share: λ; 1 leaves a millionth to p, so that nothing is impossible that p allows.
  static func mixed(_ shares: Tensor, _ outputs: Tensor, share: Double) throws -> Tensor {
    let share = min(share, 1 - 1e-6)
    let own = try shares.sum([1], keepDims: true) * share
    return try (shares * share + outputs.softmax() * (1 - own)).log()
  }
}
