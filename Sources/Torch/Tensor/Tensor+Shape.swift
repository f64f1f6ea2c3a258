import CTorch

extension Tensor {
  public func reshape(_ shape: [Int]) throws -> Tensor { try along(shape, ct_reshape) }

  /// The same memory in another shape.
  public func view(_ shape: [Int]) throws -> Tensor { try along(shape, ct_view) }
  public func permute(_ dims: [Int]) throws -> Tensor { try along(dims, ct_permute) }
  public func expand(_ shape: [Int]) throws -> Tensor { try along(shape, ct_expand) }
  public func tiled(_ repeats: [Int]) throws -> Tensor { try along(repeats, ct_repeat) }
  public func flip(_ dims: [Int]) throws -> Tensor { try along(dims, ct_flip) }

  public func transpose(_ a: Int, _ b: Int) throws -> Tensor {
    try unary { ct_transpose($0, Int64(a), Int64(b), $1) }
  }

  /// The transposed matrix.
  public var T: Tensor { get throws { try transpose(-2, -1) } }

  public func squeeze(_ dim: Int) throws -> Tensor { try unary { ct_squeeze($0, Int64(dim), $1) } }
  public func unsqueeze(_ dim: Int) throws -> Tensor { try unary { ct_unsqueeze($0, Int64(dim), $1) } }

  /// Dimensions `start` … `end` as one.
  public func flatten(from start: Int = 0, to end: Int = -1) throws -> Tensor {
    try unary { ct_flatten($0, Int64(start), Int64(end), $1) }
  }

  public func repeatInterleaved(_ count: Int, dim: Int) throws -> Tensor {
    try unary { ct_repeat_interleave($0, Int64(count), Int64(dim), $1) }
  }

  public func rolled(by shifts: [Int], dims: [Int]) throws -> Tensor {
    let shifts = shifts.map(Int64.init)
    let dims = dims.map(Int64.init)
    return try unary { ct_roll($0, shifts, shifts.count, dims, dims.count, $1) }
  }

  /// Padding counts from the last dimension backwards, two a dimension; mode `constant`, `reflect` or `replicate`.
  public func padded(_ padding: [Int], mode: String = "constant", value: Double = 0) throws -> Tensor {
    let sizes = padding.map(Int64.init)
    return try unary { ct_pad($0, sizes, sizes.count, mode, value, $1) }
  }

  /// A view of this tensor's storage with sizes, strides and offset of its own, in elements.
  public func asStrided(_ size: [Int], strides: [Int], offset: Int) throws -> Tensor {
    let size = size.map(Int64.init)
    let strides = strides.map(Int64.init)
    return try unary { ct_as_strided($0, size, size.count, strides, strides.count, Int64(offset), $1) }
  }

  public func lowerTriangle(_ diagonal: Int = 0) throws -> Tensor {
    try unary { ct_tril($0, Int64(diagonal), $1) }
  }
  public func upperTriangle(_ diagonal: Int = 0) throws -> Tensor {
    try unary { ct_triu($0, Int64(diagonal), $1) }
  }

  /// The diagonal of the last two dimensions.
  public func diagonal(offset: Int = 0) throws -> Tensor {
    try unary { ct_diagonal($0, Int64(offset), -2, -1, $1) }
  }

  public static func concatenate(_ tensors: [Tensor], dim: Int = 0) throws -> Tensor {
    try withHandles(tensors) { list, count in try make { ct_cat(list, count, Int64(dim), $0) } }
  }

  public static func stack(_ tensors: [Tensor], dim: Int = 0) throws -> Tensor {
    try withHandles(tensors) { list, count in try make { ct_stack(list, count, Int64(dim), $0) } }
  }

  /// Pieces of the given sizes along `dim`.
  public func split(_ sizes: [Int], dim: Int = 0) throws -> [Tensor] {
    let sizes = sizes.map(Int64.init)
    return try withExtendedLifetime(self) {
      try Tensor.makeList { ct_split_with_sizes(handle, sizes, sizes.count, Int64(dim), $0, $1) }
    }
  }

  public func chunk(_ count: Int, dim: Int = 0) throws -> [Tensor] {
    try withExtendedLifetime(self) {
      try Tensor.makeList { ct_chunk(handle, Int64(count), Int64(dim), $0, $1) }
    }
  }

  public func unbind(_ dim: Int = 0) throws -> [Tensor] {
    try withExtendedLifetime(self) { try Tensor.makeList { ct_unbind(handle, Int64(dim), $0, $1) } }
  }
}
