import Torch

extension Tensor {
  /// Rows `[N, D]` of length 1; a row of zeros stays.
  package func unitRows() throws -> Tensor { try self / norm([1], keepDims: true).clamp(min: 1e-12) }
}
