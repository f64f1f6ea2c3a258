import Torch

/// Each output a yes or no of its own: labels for new units, the past self's answers for old ones (Rebuffi et al. 2017).
public enum SigmoidDistillation {
  /// −q log p − (1 − q) log (1 − p), p = σ(z), for items and units `[N, K]`.
  ///
  /// - Parameters:
  ///   - outputs: z `[N, K]`.
  ///   - units: the right one of each item, int64 `[N]`.
  ///   - teacher: outputs of the past self for the first units `[N, K']`, whose σ is q there, whatever the label; nil in
  ///     the first experience.
  public static func values(_ outputs: Tensor, units: Tensor, teacher: Tensor?) throws -> Tensor {
    let targets = try noGrad {
      let labels = try units.oneHot(classes: outputs.shape[1]).to(.float32)
      guard let teacher else { return labels }
      let known = teacher.shape[1]
      return try Tensor.concatenate(
        [teacher.sigmoid(), labels.narrow(dim: 1, start: known, count: labels.shape[1] - known)], dim: 1)
    }
    return try outputs.binaryCrossEntropy(targets, reduction: .none)
  }
}
