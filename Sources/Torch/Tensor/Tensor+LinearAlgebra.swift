import CTorch

extension Tensor {
  /// The matrix product, batched over leading dimensions.
  public func matmul(_ other: Tensor) throws -> Tensor { try binary(other, ct_matmul) }
  public func batchedMatmul(_ other: Tensor) throws -> Tensor { try binary(other, ct_bmm) }
  public func dot(_ other: Tensor) throws -> Tensor { try binary(other, ct_dot) }
  public func outer(_ other: Tensor) throws -> Tensor { try binary(other, ct_outer) }
  public func kronecker(_ other: Tensor) throws -> Tensor { try binary(other, ct_kron) }

  /// The sum of products that an Einstein equation names, for example `"bij,bjk->bik"`.
  public static func einsum(_ equation: String, _ operands: [Tensor]) throws -> Tensor {
    try withHandles(operands) { list, count in try make { ct_einsum(equation, list, count, $0) } }
  }

  /// Distances `[.., P, R]` between the rows of `[.., P, M]` and `[.., R, M]` in the p-norm.
  public func pairwiseDistances(to other: Tensor, p: Double = 2) throws -> Tensor {
    try binary(other) { ct_cdist($0, $1, p, $2) }
  }

  /// X with A X = B; throws when A is singular.
  public func solve(_ b: Tensor) throws -> Tensor { try binary(b, ct_linalg_solve) }
  public func leastSquares(_ b: Tensor) throws -> Tensor { try binary(b, ct_linalg_lstsq) }
  public func inverse() throws -> Tensor { try unary(ct_linalg_inv) }
  public func pseudoInverse() throws -> Tensor { try unary(ct_pinverse) }
  public func determinant() throws -> Tensor { try unary(ct_linalg_det) }
  public func trace() throws -> Tensor { try unary(ct_trace) }

  /// The lower triangular L with L Lᵀ = self; throws unless positive definite.
  public func cholesky() throws -> Tensor { try unary(ct_linalg_cholesky) }

  /// X with L Lᵀ X = self, for the Cholesky factor L.
  public func choleskySolve(factor: Tensor) throws -> Tensor { try binary(factor, ct_cholesky_solve) }

  /// Eigenvalues in ascending order and eigenvectors of a symmetric matrix.
  public func symmetricEigen() throws -> (values: Tensor, vectors: Tensor) {
    try withExtendedLifetime(self) { try Tensor.makePair { ct_linalg_eigh(handle, $0) } }
  }

  /// The thin decomposition self = Q R with orthonormal columns in Q and an upper triangular R.
  public func qr() throws -> (q: Tensor, r: Tensor) {
    try withExtendedLifetime(self) { try Tensor.makePair { ct_linalg_qr(handle, $0) } }
  }

  /// The thin decomposition U · diag(s) · Vᴴ.
  public func svd() throws -> (u: Tensor, s: Tensor, vh: Tensor) {
    let all = try withExtendedLifetime(self) { try Tensor.makeArray(count: 3) { ct_linalg_svd(handle, $0) } }
    return (all[0], all[1], all[2])
  }
}
