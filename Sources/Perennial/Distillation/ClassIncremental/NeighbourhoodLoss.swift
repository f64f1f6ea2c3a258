import Torch

/// Neighbourhood components analysis by proxies with a margin (Movshovitz-Attias et al. 2017; Douillard et al. 2020, eq. 5).
public enum NeighbourhoodLoss {
  /// max(0, −log [exp(o_y − m) / Σ_{i≠y} exp(o_i)]), item by item `[N]`.
  ///
  /// - Parameters:
  ///   - outputs: o = η ŷ, `[N, K]`, K > 1.
  ///   - units: y, int64 `[N]`.
  ///   - margin: m = η δ, `[]`.
  public static func values(_ outputs: Tensor, units: Tensor, margin: Tensor) throws -> Tensor {
    let column = try units.unsqueeze(1)
    let own = try outputs.gather(column, dim: 1).squeeze(1)
    let others = try outputs.scatter(column, value: -Double.infinity, dim: 1).logSumExp([1])
    return try (others - own + margin).clamp(min: 0)
  }
}
