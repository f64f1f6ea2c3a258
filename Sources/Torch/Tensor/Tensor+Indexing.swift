import CTorch

extension Tensor {
  /// The slice at `index` of the first dimension.
  public subscript(_ index: Int) -> Tensor {
    get throws { try select(index, dim: 0) }
  }

  /// The slices `range` of the first dimension.
  public subscript(_ range: Range<Int>) -> Tensor {
    get throws { try narrow(dim: 0, start: range.lowerBound, count: range.count) }
  }

  /// A view of the slice at `index` of `dim`, which goes; negative indices count from the end.
  public func select(_ index: Int, dim: Int) throws -> Tensor {
    try unary { ct_select($0, Int64(dim), Int64(index), $1) }
  }

  /// A view of `count` slices from `start`; throws (`index`, `shape`) outside the dimension.
  public func narrow(dim: Int, start: Int, count: Int) throws -> Tensor {
    try unary { ct_narrow($0, Int64(dim), Int64(start), Int64(count), $1) }
  }

  /// A view of every `step`-th slice from `start` up to but without `end`, held to the dimension.
  public func slice(dim: Int, from start: Int, to end: Int, by step: Int = 1) throws -> Tensor {
    try unary { ct_slice($0, Int64(dim), Int64(start), Int64(end), Int64(step), $1) }
  }

  /// The slices that an int64 vector names.
  public func indexSelect(_ index: Tensor, dim: Int = 0) throws -> Tensor {
    try binary(index) { ct_index_select($0, Int64(dim), $1, $2) }
  }

  /// Element by element along `dim`: `result[i][j] = self[index[i][j]][j]` for dimension 0.
  public func gather(_ index: Tensor, dim: Int) throws -> Tensor {
    try binary(index) { ct_gather($0, Int64(dim), $1, $2) }
  }

  /// A copy with `source` written where `index` says along `dim`: the reverse of `gather`.
  public func scatter(_ index: Tensor, _ source: Tensor, dim: Int) throws -> Tensor {
    try ternary(index, source) { ct_scatter($0, Int64(dim), $1, $2, $3) }
  }

  /// A copy with `value` written where `index` says along `dim`.
  public func scatter(_ index: Tensor, value: some Scalar, dim: Int) throws -> Tensor {
    try binary(index) { ct_scatter_value($0, Int64(dim), $1, value.scalar, $2) }
  }

  /// A copy with `source` added where `index` says along `dim`; places may repeat.
  public func scatterAdd(_ index: Tensor, _ source: Tensor, dim: Int) throws -> Tensor {
    try ternary(index, source) { ct_scatter_add($0, Int64(dim), $1, $2, $3) }
  }

  /// A copy with the slices of `source` added to those that an int64 vector names; places may repeat.
  public func indexAdd(_ index: Tensor, _ source: Tensor, dim: Int = 0) throws -> Tensor {
    try ternary(index, source) { ct_index_add($0, Int64(dim), $1, $2, $3) }
  }

  /// Writes the slices of `source` to the places an int64 vector names, in place.
  public func indexCopy(_ index: Tensor, from source: Tensor, dim: Int = 0) throws {
    try withExtendedLifetime((self, index, source)) {
      try check(ct_index_copy_(handle, Int64(dim), index.handle, source.handle))
    }
  }

  /// Writes `value` into the slices that an int64 vector names, in place.
  public func indexFill(_ index: Tensor, _ value: some Scalar, dim: Int = 0) throws {
    try mutate(with: index) { ct_index_fill_($0, Int64(dim), $1, value.scalar) }
  }

  /// A copy with `value` where the boolean mask is true.
  public func maskedFill(_ mask: Tensor, _ value: some Scalar) throws -> Tensor {
    try binary(mask) { ct_masked_fill($0, $1, value.scalar, $2) }
  }

  /// The elements where the boolean mask is true, as a vector.
  public func maskedSelect(_ mask: Tensor) throws -> Tensor { try binary(mask, ct_masked_select) }

  /// `a` where the condition holds, else `b`.
  public static func choose(_ condition: Tensor, _ a: Tensor, _ b: Tensor) throws -> Tensor {
    try condition.ternary(a, b, ct_where_self)
  }

  /// The places of true or nonzero elements, int64 `[count, rank]`.
  public func nonzero() throws -> Tensor { try unary(ct_nonzero) }

  /// int64 `[…, classes]` with a one at each class; throws for classes outside 0 ..< `classes`.
  public func oneHot(classes: Int) throws -> Tensor { try unary { ct_one_hot($0, Int64(classes), $1) } }

  /// How often each integer occurs, int64 `[max(minimum, largest + 1)]`.
  public func bincount(minimum: Int = 0) throws -> Tensor {
    try unary { ct_bincount($0, Int64(minimum), $1) }
  }

  /// Where each value belongs in this sorted tensor.
  public func searchSorted(_ values: Tensor, right: Bool = false) throws -> Tensor {
    try binary(values) { ct_searchsorted($0, $1, right, $2) }
  }

  /// The distinct values in order, the place of each element among them, and their counts.
  public func unique() throws -> (values: Tensor, inverse: Tensor, counts: Tensor) {
    let all = try withExtendedLifetime(self) { try Tensor.makeArray(count: 3) { ct_unique(handle, $0) } }
    return (all[0], all[1], all[2])
  }

  /// Whether each element is one of `values`.
  public func isIn(_ values: Tensor) throws -> Tensor { try binary(values, ct_isin) }
}
