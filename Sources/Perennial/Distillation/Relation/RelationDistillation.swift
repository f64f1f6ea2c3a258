import Torch

/// Losses between the relations that a student and a teacher see: between the items of a batch, or between the channels
/// of each item.
///
/// Values of any precision and of any shape `[N, …]` are taken as float32 rows `[N, D]`; the two widths may differ. The
/// teacher's side is cut from the graph.
public enum RelationDistillation {
  /// `[N, D]` of a student and of a teacher.
  static func rows(_ student: Tensor, _ teacher: Tensor) throws -> (student: Tensor, teacher: Tensor) {
    (try student.asStudent().flatten(from: 1), try teacher.asTeacher().flatten(from: 1))
  }

  /// Inner products of all rows, `[N, N]`.
  static func products(_ rows: Tensor) throws -> Tensor { try rows.matmul(rows.T) }

  /// 1 / √x; 0, also in the gradient, where `isZero`.
  static func inverseRoot(_ x: Tensor, zero isZero: Tensor) throws -> Tensor {
    try x.maskedFill(isZero, 1).rsqrt().maskedFill(isZero, 0)
  }

  /// Vectors along a dimension at length 1. Those of length 0 stay and get no gradient: a division by a small number in
  /// its place would give one of 10¹².
  static func unit(_ x: Tensor, _ dim: Int) throws -> Tensor {
    let square = try x.square().sum([dim], keepDims: true)
    return try x * inverseRoot(square, zero: square .<= 0)
  }

  /// Cosines of the angles between all rows, `[N, N]`.
  static func cosines(_ rows: Tensor) throws -> Tensor { try products(unit(rows, 1)) }
}

extension TapShapes {
  /// Throws unless both values have something to compare for each item.
  func requireItems() throws {
    guard student.count >= 2, teacher.count >= 2 else { throw refused("it compares values [N, …] of items") }
  }
}
