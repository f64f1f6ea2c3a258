import CTorch

extension Tensor {
  /// The same elements in another shape; one size may be −1. A view where memory allows, else a copy.
  public func reshape(_ shape: [Int]) throws -> Tensor { try along(shape, ct_reshape) }

  /// The same memory in another shape.
  public func view(_ shape: [Int]) throws -> Tensor { try along(shape, ct_view) }
  /// A view with the dimensions in another order.
  public func permute(_ dims: [Int]) throws -> Tensor { try along(dims, ct_permute) }
  /// A view with dimensions of size 1 stretched to `shape`.
  public func expand(_ shape: [Int]) throws -> Tensor { try along(shape, ct_expand) }
  /// A copy that repeats the whole tensor, so many times along each dimension.
  public func tiled(_ repeats: [Int]) throws -> Tensor { try along(repeats, ct_repeat) }
  /// A copy with the order along `dims` reversed.
  public func flip(_ dims: [Int]) throws -> Tensor { try along(dims, ct_flip) }

  /// A view with two dimensions exchanged.
  public func transpose(_ a: Int, _ b: Int) throws -> Tensor {
    try unary { ct_transpose($0, Int64(a), Int64(b), $1) }
  }

  /// The transposed matrix.
  public var T: Tensor { get throws { try transpose(-2, -1) } }

  /// A view without dimension `dim` if its size is 1.
  public func squeeze(_ dim: Int) throws -> Tensor { try unary { ct_squeeze($0, Int64(dim), $1) } }
  /// A view with a new dimension of size 1 at `dim`.
  public func unsqueeze(_ dim: Int) throws -> Tensor { try unary { ct_unsqueeze($0, Int64(dim), $1) } }

  /// Dimensions `start` … `end` as one.
  public func flatten(from start: Int = 0, to end: Int = -1) throws -> Tensor {
    try unary { ct_flatten($0, Int64(start), Int64(end), $1) }
  }

  /// A copy that repeats each slice of `dim` `count` times in place.
  public func repeatInterleaved(_ count: Int, dim: Int) throws -> Tensor {
    try unary { ct_repeat_interleave($0, Int64(count), Int64(dim), $1) }
  }

  /// A copy moved along `dims`, what leaves at one end entering at the other.
  public func rolled(by shifts: [Int], dims: [Int]) throws -> Tensor {
    let shifts = shifts.map(Int64.init)
    let dims = dims.map(Int64.init)
    return try unary { ct_roll($0, shifts, shifts.count, dims, dims.count, $1) }
  }

  /// Padding counts from the last dimension backwards, two a dimension; mode `constant`, `reflect` or
  /// `replicate`.
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

  /// The elements on and below a diagonal; zero above.
  public func lowerTriangle(_ diagonal: Int = 0) throws -> Tensor {
    try unary { ct_tril($0, Int64(diagonal), $1) }
  }
  /// The elements on and above a diagonal; zero below.
  public func upperTriangle(_ diagonal: Int = 0) throws -> Tensor {
    try unary { ct_triu($0, Int64(diagonal), $1) }
  }

  /// The diagonal of the last two dimensions.
  public func diagonal(offset: Int = 0) throws -> Tensor {
    try unary { ct_diagonal($0, Int64(offset), -2, -1, $1) }
  }

  /// Tensors one after the other along an existing dimension.
  public static func concatenate(_ tensors: [Tensor], dim: Int = 0) throws -> Tensor {
    try withHandles(tensors) { list, count in try make { ct_cat(list, count, Int64(dim), $0) } }
  }

  /// Tensors of one shape one after the other along a new dimension.
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

  /// At most `count` views of equal size along `dim`; the last may be smaller.
  public func chunk(_ count: Int, dim: Int = 0) throws -> [Tensor] {
    try withExtendedLifetime(self) {
      try Tensor.makeList { ct_chunk(handle, Int64(count), Int64(dim), $0, $1) }
    }
  }

  /// A view of every slice of `dim`, which goes.
  public func unbind(_ dim: Int = 0) throws -> [Tensor] {
    try withExtendedLifetime(self) { try Tensor.makeList { ct_unbind(handle, Int64(dim), $0, $1) } }
  }
}
