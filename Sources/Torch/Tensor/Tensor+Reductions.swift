import CTorch

// Over everything: a scalar tensor.
extension Tensor {
  public func sum() throws -> Tensor { try unary(ct_sum_all) }
  public func mean() throws -> Tensor { try unary(ct_mean_all) }
  public func product() throws -> Tensor { try unary(ct_prod_all) }
  public func any() throws -> Tensor { try unary(ct_any_all) }
  public func all() throws -> Tensor { try unary(ct_all_all) }
  public func median() throws -> Tensor { try unary(ct_median_all) }
  public func norm(p: Double = 2) throws -> Tensor { try unary { ct_norm_all($0, p.scalar, $1) } }
}

// Along dimensions, which go unless `keepDims`.
extension Tensor {
  public func sum(_ dims: [Int], keepDims: Bool = false) throws -> Tensor {
    try along(dims) { ct_sum($0, $1, $2, keepDims, $3) }
  }
  public func mean(_ dims: [Int], keepDims: Bool = false) throws -> Tensor {
    try along(dims) { ct_mean($0, $1, $2, keepDims, $3) }
  }
  public func amax(_ dims: [Int], keepDims: Bool = false) throws -> Tensor {
    try along(dims) { ct_amax($0, $1, $2, keepDims, $3) }
  }
  public func amin(_ dims: [Int], keepDims: Bool = false) throws -> Tensor {
    try along(dims) { ct_amin($0, $1, $2, keepDims, $3) }
  }
  public func logSumExp(_ dims: [Int], keepDims: Bool = false) throws -> Tensor {
    try along(dims) { ct_logsumexp($0, $1, $2, keepDims, $3) }
  }

  /// `correction` 1 is the unbiased estimate, 0 the population's.
  public func variance(_ dims: [Int], correction: Int = 1, keepDims: Bool = false) throws -> Tensor {
    try along(dims) { ct_var($0, $1, $2, Int64(correction), keepDims, $3) }
  }
  public func standardDeviation(_ dims: [Int], correction: Int = 1, keepDims: Bool = false) throws -> Tensor {
    try along(dims) { ct_std($0, $1, $2, Int64(correction), keepDims, $3) }
  }
  public func norm(p: Double = 2, _ dims: [Int], keepDims: Bool = false) throws -> Tensor {
    try along(dims) { ct_norm($0, p.scalar, $1, $2, keepDims, $3) }
  }
  public func argmax(_ dim: Int = -1, keepDims: Bool = false) throws -> Tensor {
    try unary { ct_argmax($0, Int64(dim), keepDims, $1) }
  }
  public func argmin(_ dim: Int = -1, keepDims: Bool = false) throws -> Tensor {
    try unary { ct_argmin($0, Int64(dim), keepDims, $1) }
  }
  public func max(_ dim: Int, keepDims: Bool = false) throws -> (values: Tensor, indices: Tensor) {
    try withExtendedLifetime(self) { try Tensor.makePair { ct_max_dim(handle, Int64(dim), keepDims, $0) } }
  }
  public func min(_ dim: Int, keepDims: Bool = false) throws -> (values: Tensor, indices: Tensor) {
    try withExtendedLifetime(self) { try Tensor.makePair { ct_min_dim(handle, Int64(dim), keepDims, $0) } }
  }
  public func any(_ dim: Int, keepDims: Bool = false) throws -> Tensor {
    try unary { ct_any($0, Int64(dim), keepDims, $1) }
  }
  public func all(_ dim: Int, keepDims: Bool = false) throws -> Tensor {
    try unary { ct_all($0, Int64(dim), keepDims, $1) }
  }
  public func cumulativeSum(_ dim: Int) throws -> Tensor { try unary { ct_cumsum($0, Int64(dim), $1) } }
  public func cumulativeProduct(_ dim: Int) throws -> Tensor { try unary { ct_cumprod($0, Int64(dim), $1) } }
  public func quantile(_ q: Double, dim: Int = -1) throws -> Tensor {
    try unary { ct_quantile($0, q, Int64(dim), false, $1) }
  }

  /// Sorted values and their places; equal values keep their order.
  public func sorted(_ dim: Int = -1, descending: Bool = false) throws -> (values: Tensor, indices: Tensor) {
    try withExtendedLifetime(self) {
      try Tensor.makePair { ct_sort(handle, Int64(dim), descending, true, $0) }
    }
  }
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
