import CTorch

// Over everything: a scalar tensor.
extension Tensor {
  /// The sum; integers and booleans give int64.
  public func sum() throws -> Tensor { try unary(ct_sum_all) }
  /// The mean; floating point only.
  public func mean() throws -> Tensor { try unary(ct_mean_all) }
  /// The product; integers and booleans give int64.
  public func product() throws -> Tensor { try unary(ct_prod_all) }
  /// Whether any element is true, or nonzero.
  public func any() throws -> Tensor { try unary(ct_any_all) }
  /// Whether all elements are true, or nonzero.
  public func all() throws -> Tensor { try unary(ct_all_all) }
  /// The median; the lower of the two middle values for an even count.
  public func median() throws -> Tensor { try unary(ct_median_all) }
  /// The p-norm of the elements as one vector.
  public func norm(p: Double = 2) throws -> Tensor { try unary { ct_norm_all($0, p.scalar, $1) } }
}

// Along dimensions, which go unless `keepDims`.
extension Tensor {
  /// The sum; an empty list of dimensions means all of them.
  public func sum(_ dims: [Int], keepDims: Bool = false) throws -> Tensor {
    try along(dims) { ct_sum($0, $1, $2, keepDims, $3) }
  }
  /// The mean.
  public func mean(_ dims: [Int], keepDims: Bool = false) throws -> Tensor {
    try along(dims) { ct_mean($0, $1, $2, keepDims, $3) }
  }
  /// The largest value; ties share the gradient.
  public func amax(_ dims: [Int], keepDims: Bool = false) throws -> Tensor {
    try along(dims) { ct_amax($0, $1, $2, keepDims, $3) }
  }
  /// The smallest value; ties share the gradient.
  public func amin(_ dims: [Int], keepDims: Bool = false) throws -> Tensor {
    try along(dims) { ct_amin($0, $1, $2, keepDims, $3) }
  }
  /// log Σ exp, without overflow.
  public func logSumExp(_ dims: [Int], keepDims: Bool = false) throws -> Tensor {
    try along(dims) { ct_logsumexp($0, $1, $2, keepDims, $3) }
  }

  /// `correction` 1 is the unbiased estimate, 0 the population's.
  public func variance(_ dims: [Int], correction: Int = 1, keepDims: Bool = false) throws -> Tensor {
    try along(dims) { ct_var($0, $1, $2, Int64(correction), keepDims, $3) }
  }
  /// The square root of `variance`.
  public func standardDeviation(_ dims: [Int], correction: Int = 1, keepDims: Bool = false) throws -> Tensor {
    try along(dims) { ct_std($0, $1, $2, Int64(correction), keepDims, $3) }
  }
  /// The p-norm.
  public func norm(p: Double = 2, _ dims: [Int], keepDims: Bool = false) throws -> Tensor {
    try along(dims) { ct_norm($0, p.scalar, $1, $2, keepDims, $3) }
  }
  /// The place of the largest value, int64.
  public func argmax(_ dim: Int = -1, keepDims: Bool = false) throws -> Tensor {
    try unary { ct_argmax($0, Int64(dim), keepDims, $1) }
  }
  /// The place of the smallest value, int64.
  public func argmin(_ dim: Int = -1, keepDims: Bool = false) throws -> Tensor {
    try unary { ct_argmin($0, Int64(dim), keepDims, $1) }
  }
  /// The largest values and their places.
  public func max(_ dim: Int, keepDims: Bool = false) throws -> (values: Tensor, indices: Tensor) {
    try withExtendedLifetime(self) { try Tensor.makePair { ct_max_dim(handle, Int64(dim), keepDims, $0) } }
  }
  /// The smallest values and their places.
  public func min(_ dim: Int, keepDims: Bool = false) throws -> (values: Tensor, indices: Tensor) {
    try withExtendedLifetime(self) { try Tensor.makePair { ct_min_dim(handle, Int64(dim), keepDims, $0) } }
  }
  /// Whether any element along `dim` is true, or nonzero.
  public func any(_ dim: Int, keepDims: Bool = false) throws -> Tensor {
    try unary { ct_any($0, Int64(dim), keepDims, $1) }
  }
  /// Whether all elements along `dim` are true, or nonzero.
  public func all(_ dim: Int, keepDims: Bool = false) throws -> Tensor {
    try unary { ct_all($0, Int64(dim), keepDims, $1) }
  }
  /// The sum of each element and all before it along `dim`.
  public func cumulativeSum(_ dim: Int) throws -> Tensor { try unary { ct_cumsum($0, Int64(dim), $1) } }
  /// The product of each element and all before it along `dim`.
  public func cumulativeProduct(_ dim: Int) throws -> Tensor { try unary { ct_cumprod($0, Int64(dim), $1) } }
  /// The `q`-quantile, 0 … 1, linear between neighbours.
  public func quantile(_ q: Double, dim: Int = -1) throws -> Tensor {
    try unary { ct_quantile($0, q, Int64(dim), false, $1) }
  }

  /// Sorted values and their places; equal values keep their order.
  public func sorted(_ dim: Int = -1, descending: Bool = false) throws -> (values: Tensor, indices: Tensor) {
    try withExtendedLifetime(self) {
      try Tensor.makePair { ct_sort(handle, Int64(dim), descending, true, $0) }
    }
  }
  /// The places that sort the values; equal values keep their order.
  public func argsort(_ dim: Int = -1, descending: Bool = false) throws -> Tensor {
    try unary { ct_argsort($0, Int64(dim), descending, $1) }
  }

  /// The `k` largest (or smallest) values in order, and their places.
  public func topK(_ k: Int, dim: Int = -1, largest: Bool = true) throws -> (values: Tensor, indices: Tensor)
  {
    try withExtendedLifetime(self) {
      try Tensor.makePair { ct_topk(handle, Int64(k), Int64(dim), largest, true, $0) }
    }
  }
}

extension Tensor {
  /// The same shape and the same values.
  public func equals(_ other: Tensor) throws -> Bool {
    try Tensor.withHandle(other) { other in try flag { ct_equal(handle, other, $0) } }
  }

  /// |self − other| ≤ absolute + relative · |other| everywhere.
  public func isClose(to other: Tensor, relative: Double = 1e-5, absolute: Double = 1e-8) throws -> Bool {
    try Tensor.withHandle(other) { other in try flag { ct_allclose(handle, other, relative, absolute, $0) } }
  }
}
