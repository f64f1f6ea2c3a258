import CTorch

/// A multidimensional array of libtorch, with its place in the autograd graph.
///
/// A tensor is one reference to libtorch's own object and is released with the last Swift reference. It is
/// not `Sendable`: models cross threads as snapshots. Every operation throws `TorchError` for shapes, types
/// or devices that do not fit; one `try` covers a whole expression.
public final class Tensor {
  let handle: ct_tensor

  /// Takes over a handle that a C call returned.
  init(owning handle: ct_tensor) { self.handle = handle }

  deinit { ct_tensor_free(handle) }

  /// Runs a C call that fills one tensor.
  @inline(__always)
  static func make(_ body: (UnsafeMutablePointer<ct_tensor?>) -> Int32) throws -> Tensor {
    var result: ct_tensor?
    try check(body(&result))
    guard let result else { throw TorchError(.other, "libtorch returned no tensor") }
    return Tensor(owning: result)
  }

  /// Runs a C call that fills two tensors.
  static func makePair(_ body: (UnsafeMutablePointer<ct_tensor?>) -> Int32) throws -> (Tensor, Tensor) {
    let all = try makeArray(count: 2, body)
    return (all[0], all[1])
  }

  /// Runs a C call that fills `count` tensors.
  static func makeArray(count: Int, _ body: (UnsafeMutablePointer<ct_tensor?>) -> Int32) throws -> [Tensor] {
    var results = [ct_tensor?](repeating: nil, count: count)
    try results.withUnsafeMutableBufferPointer { buffer in
      guard let base = buffer.baseAddress else { return }
      try check(body(base))
    }
    return results.compactMap { $0.map(Tensor.init(owning:)) }
  }

  /// Runs a C call that allocates a list of tensors.
  static func makeList(
    _ body: (UnsafeMutablePointer<UnsafeMutablePointer<ct_tensor?>?>, UnsafeMutablePointer<Int>) -> Int32
  ) throws -> [Tensor] {
    var list: UnsafeMutablePointer<ct_tensor?>?
    var count = 0
    try check(body(&list, &count))
    defer { ct_tensor_list_free(list) }
    return (0..<count).compactMap { list?[$0].map(Tensor.init(owning:)) }
  }

  /// Calls `body` with this tensor's handle, or null; the tensor outlives the call.
  @inline(__always)
  static func withHandle<Result>(_ tensor: Tensor?, _ body: (ct_tensor?) throws -> Result) rethrows -> Result
  {
    try withExtendedLifetime(tensor) { try body(tensor?.handle) }
  }

  /// Calls `body` with the handles of all tensors; they outlive the call.
  static func withHandles<Result>(
    _ tensors: [Tensor], _ body: (UnsafePointer<ct_tensor?>?, Int) throws -> Result
  ) rethrows -> Result {
    try withExtendedLifetime(tensors) {
      try tensors.map { Optional($0.handle) }.withUnsafeBufferPointer { try body($0.baseAddress, $0.count) }
    }
  }
}

// MARK: - Metadata

extension Tensor {
  /// The number of dimensions; 0 for a scalar.
  public var rank: Int { withExtendedLifetime(self) { Int(ct_tensor_rank(handle)) } }

  /// The number of elements.
  public var count: Int { withExtendedLifetime(self) { Int(ct_tensor_count(handle)) } }

  /// The size of each dimension.
  public var shape: [Int] { dimensions(ct_tensor_sizes) }

  /// The step in elements of each dimension.
  public var strides: [Int] { dimensions(ct_tensor_strides) }

  /// The first element's place in the storage that views share, in elements.
  public var storageOffset: Int {
    get throws {
      var result: Int64 = 0
      try withExtendedLifetime(self) { try check(ct_storage_offset(handle, &result)) }
      return Int(result)
    }
  }

  /// Whether the elements lie in row-major order without gaps.
  public var isContiguous: Bool {
    get throws { try flag { ct_is_contiguous(handle, $0) } }
  }

  /// The element type.
  public var dtype: DType {
    DType(rawValue: withExtendedLifetime(self) { ct_tensor_dtype(handle) }) ?? .float32
  }

  /// The device that holds the elements.
  public var device: Device {
    get throws {
      var text = [CChar](repeating: 0, count: 32)
      try withExtendedLifetime(self) { try check(ct_tensor_device(handle, &text, text.count - 1)) }
      let name = String(decoding: text.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self)
      guard let device = Device(name) else { throw TorchError(.device, "unknown device \(name)") }
      return device
    }
  }

  /// Bytes that the elements take.
  public var byteCount: Int { count * dtype.byteCount }

  private func dimensions(_ read: (ct_tensor?, UnsafeMutablePointer<Int64>?) -> Void) -> [Int] {
    withExtendedLifetime(self) {
      let rank = Int(ct_tensor_rank(handle))
      return withUnsafeTemporaryAllocation(of: Int64.self, capacity: Swift.max(rank, 1)) { buffer in
        read(handle, buffer.baseAddress)
        return (0..<rank).map { Int(buffer[$0]) }
      }
    }
  }

  func flag(_ read: (UnsafeMutablePointer<Bool>) -> Int32) throws -> Bool {
    var result = false
    try withExtendedLifetime(self) { try check(read(&result)) }
    return result
  }
}

extension Tensor: CustomStringConvertible {
  public var description: String { "Tensor(\(dtype), \(shape))" }
}
