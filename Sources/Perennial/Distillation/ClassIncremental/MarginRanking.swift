import Torch

/// Old classes apart from the new ones that look most like them (Hou et al. 2019, eq. 8).
public enum MarginRanking {
  /// Σ_k max(0, m − cos(f, θ_y) + cos(f, θ_k)) over the K new units nearest to f, item by item `[N]`.
  ///
  /// It is for items of old units; those of new ones get a value too, to be left out.
  ///
  /// - Parameters:
  ///   - cosines: cos(f, θ) `[N, units]`.
  ///   - units: y, int64 `[N]`.
  ///   - known: units before this one are old.
  ///   - hardest: K
  ///   - margin: m
  public static func values(_ cosines: Tensor, units: Tensor, known: Int, hardest: Int, margin: Double) throws
    -> Tensor
  {
    let new = cosines.shape[1] - known
    let nearest = try cosines.narrow(dim: 1, start: known, count: new).topK(min(hardest, new), dim: 1).values
    let own = try cosines.gather(units.unsqueeze(1), dim: 1)
    return try (nearest - own + margin).clamp(min: 0).sum([1])
  }
}
