import Torch

/// Where in a picture a model finds a class, and how far two models differ in it (Dhar et al. 2019).
public enum AttentionMaps {
  /// Grad-CAM (Selvaraju et al. 2017): Q = ReLU(Σ_k α_k A_k), α_k the mean over places of ∂y_c/∂A_k, as rows `[N, H·W]`.
  ///
  /// - Parameters:
  ///   - activations: A `[N, C, H, W]`, part of the outputs' graph.
  ///   - outputs: y `[N, K]`.
  ///   - units: c of each item, int64 `[N]`.
  ///   - isDerivable: whether Q can be derived, through α too.
  public static func rows(
    _ activations: Tensor, outputs: Tensor, units: Tensor, isDerivable: Bool
  ) throws -> Tensor {
    let chosen = try outputs.gather(units.unsqueeze(1), dim: 1).sum()
    let slopes = try gradients(
      of: chosen, withRespectTo: [activations], retainGraph: true, createGraph: isDerivable)[0]
    let importance = try slopes.mean([2, 3], keepDims: true)
    return try (activations * importance).sum([1]).relu().flatten(from: 1)
  }

  /// Σ |Q_s / ‖Q_s‖₂ − Q_t / ‖Q_t‖₂| of rows `[N, P]`, item by item `[N]`.
  public static func distances(student: Tensor, teacher: Tensor) throws -> Tensor {
    try (student.unitRows() - teacher.unitRows()).abs().sum([1])
  }
}
