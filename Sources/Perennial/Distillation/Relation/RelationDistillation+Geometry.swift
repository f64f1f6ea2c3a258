import Torch

// Relational knowledge distillation (Park et al. 2019): distances and angles between the items of a batch.
extension RelationDistillation {
  /// Where items lie to each other, from their inner products.
  ///
  /// These are taken in float64, because a difference of two float32 products cannot tell near neighbours apart.
  private struct Geometry {
    /// x_i · x_j `[N, N]`, about the mean.
    let products: Tensor
    /// ‖x_i − x_j‖ `[N, N]`, and 1 over it; both 0, with gradient 0, for items at the same place.
    let distances: Tensor
    let inverse: Tensor
    /// How many of the distances are not 0.
    let apart: Tensor

    init(_ rows: Tensor) throws {
      let rows = try rows.to(.float64)
      products = try RelationDistillation.products(rows - rows.mean([0], keepDims: true))
      let square = try products.diagonal()
      let sums = try square.unsqueeze(1) + square.unsqueeze(0)
      let squaredDistances = try sums - products * 2
      let isZero = try squaredDistances .<= sums * 1e-12
      inverse = try RelationDistillation.inverseRoot(squaredDistances, zero: isZero)
      distances = try squaredDistances * inverse
      apart = try isZero.logicalNot().to(.float64).sum()
    }

    /// Distances in units of the mean of those that are not 0.
    func relativeDistances() throws -> Tensor {
      try distances / (distances.sum() / apart.clamp(min: 1)).clamp(min: 1e-30)
    }

    /// cos ∠(j, i, k) at vertex i `[N, N, N]`, 0 where two of the items coincide:
    /// (x_j − x_i) · (x_k − x_i) out of products of pairs, so that nothing of size N² D is made.
    func angles() throws -> Tensor {
      let toVertex = try products.diagonal().unsqueeze(1) - products
      let products = try products.unsqueeze(0) + toVertex.unsqueeze(2) - self.products.unsqueeze(1)
      return try products * inverse.unsqueeze(2) * inverse.unsqueeze(1)
    }
  }

  /// Huber's loss of the differences between distances, each side in units of its mean, over all N² pairs, `[]`.
  ///
  /// - Parameter threshold: δ, where Huber's loss goes from squares to absolute values.
  public static func distanceLoss(student: Tensor, teacher: Tensor, threshold: Double = 1) throws -> Tensor {
    let (s, t) = try rows(student, teacher)
    return try Geometry(s).relativeDistances().huber(Geometry(t).relativeDistances(), delta: threshold)
      .to(.float32)
  }

  /// Huber's loss of the differences between the cosines of the angles of all N³ triples, `[]`.
  ///
  /// - Parameter threshold: δ, where Huber's loss goes from squares to absolute values.
  public static func angleLoss(student: Tensor, teacher: Tensor, threshold: Double = 1) throws -> Tensor {
    let (s, t) = try rows(student, teacher)
    return try Geometry(s).angles().huber(Geometry(t).angles(), delta: threshold).to(.float32)
  }
}
