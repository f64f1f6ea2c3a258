import Foundation
import Torch

// Similarities between the items of a batch.
extension RelationDistillation {
  /// ‖G_s − G_t‖² / N², with G the inner products of flattened items and each row of G at length 1 (Tung & Mori
  /// 2019), `[]`.
  public static func similarityLoss(student: Tensor, teacher: Tensor) throws -> Tensor {
    let (s, t) = try rows(student, teacher)
    return try unit(products(s), 1).meanSquaredError(unit(products(t), 1))
  }

  /// Σ_ij (k(s_i, s_j) − k(t_i, t_j))² / N², with the Gaussian kernel k(x, y) = exp(−γ ‖x − y‖²) of vectors at length 1
  /// by its Taylor series e^(−2γ) Σ_p (2γ)^p / p! (x · y)^p (Peng et al. 2019), `[]`.
  ///
  /// - Parameters:
  ///   - gamma: γ
  ///   - order: the last p
  public static func correlationLoss(
    student: Tensor, teacher: Tensor, gamma: Double = 0.4, order: Int = 2
  ) throws -> Tensor {
    func kernel(_ rows: Tensor) throws -> Tensor {
      let cosines = try cosines(rows)
      // Horner's scheme, from the innermost bracket: 1 + 2γ/1 c (1 + 2γ/2 c (1 + …)).
      var series = try cosines.onesLike()
      for p in stride(from: order, to: 0, by: -1) {
        series = try series * cosines * (2 * gamma / Double(p)) + 1
      }
      return try series * exp(-2 * gamma)
    }
    let (s, t) = try rows(student, teacher)
    return try kernel(s).meanSquaredError(kernel(t))
  }

  /// KL between the distributions that cosines, brought to 0 … 1 and to sum 1 in each row, give every item over all
  /// items (Passalis & Tefas 2018), `[N, N]`.
  public static func neighbourDivergences(student: Tensor, teacher: Tensor) throws -> Tensor {
    func probabilities(_ rows: Tensor) throws -> Tensor {
      let similarities = try (cosines(rows) + 1) / 2
      return try similarities / similarities.sum([1], keepDims: true)
    }
    let (s, t) = try rows(student, teacher)
    let (p, q) = (try probabilities(t), try probabilities(s))
    return try p * ((p + 1e-7) / (q + 1e-7)).log()
  }
}
