import CTorch
import Foundation

extension Tensor {
  /// A tensor of the given elements in row-major order.
  ///
  /// - Throws: `TorchError` (`shape`) unless the shape's product is the number of elements.
  public convenience init<Element: TensorElement>(_ elements: [Element], shape: [Int]) throws {
    try self.init(bytes: elements, shape: shape, dtype: Element.dtype)
  }

  /// A vector `[N]` of the given elements.
  public convenience init<Element: TensorElement>(_ elements: [Element]) throws {
    try self.init(elements, shape: [elements.count])
  }

  private convenience init<Element: BitwiseCopyable>(bytes: [Element], shape: [Int], dtype: DType) throws {
    self.init(owning: try bytes.withUnsafeBytes { try Tensor.copy($0, shape, dtype) })
  }

  /// A tensor copied from row-major little-endian bytes.
  ///
  /// - Throws: `TorchError` (`shape`) unless shape and type take exactly these bytes.
  public convenience init(bytes: UnsafeRawBufferPointer, shape: [Int], dtype: DType) throws {
    self.init(owning: try Tensor.copy(bytes, shape, dtype))
  }

  private static func copy(_ bytes: UnsafeRawBufferPointer, _ shape: [Int], _ dtype: DType) throws
    -> ct_tensor
  {
    var count = dtype.byteCount
    for size in shape {
      let (product, overflow) = count.multipliedReportingOverflow(by: size)
      guard size >= 0, !overflow else { throw TorchError(.shape, "\(shape) is not a shape") }
      count = product
    }
    guard count == bytes.count else {
      throw TorchError(.shape, "shape \(shape) of \(dtype) takes \(count) bytes, not \(bytes.count)")
    }
    var result: ct_tensor?
    let sizes = shape.map(Int64.init)
    try check(
      ct_tensor_from_bytes(bytes.baseAddress, bytes.count, sizes, sizes.count, dtype.rawValue, &result))
    guard let result else { throw TorchError(.other, "libtorch returned no tensor") }
    return result
  }

  /// A tensor over memory that `owner` keeps alive; nothing is copied.
  static func mapping(_ memory: UnsafeMutableRawPointer, shape: [Int], dtype: DType, owner: AnyObject) throws
    -> Tensor
  {
    let context = Unmanaged.passRetained(owner).toOpaque()
    let sizes = shape.map(Int64.init)
    do {
      return try make {
        ct_tensor_from_mapping(
          memory, sizes, sizes.count, dtype.rawValue, context,
          { $0.map { Unmanaged<AnyObject>.fromOpaque($0).release() } }, $0)
      }
    } catch {
      Unmanaged<AnyObject>.fromOpaque(context).release()
      throw error
    }
  }

  /// A scalar tensor of shape `[]`.
  public static func scalar<Element: TensorElement>(_ value: Element) throws -> Tensor {
    try Tensor([value], shape: [])
  }

  /// A tensor of zeros.
  public static func zeros(_ shape: [Int], dtype: DType = .float32, device: Device = .cpu) throws -> Tensor {
    try sized(shape) { ct_zeros($0, $1, dtype.rawValue, device.description, $2) }
  }

  /// A tensor of ones.
  public static func ones(_ shape: [Int], dtype: DType = .float32, device: Device = .cpu) throws -> Tensor {
    try sized(shape) { ct_ones($0, $1, dtype.rawValue, device.description, $2) }
  }

  /// A tensor that holds `value` everywhere.
  public static func full(
    _ shape: [Int], _ value: some Scalar, dtype: DType = .float32, device: Device = .cpu
  ) throws -> Tensor {
    try sized(shape) { ct_full($0, $1, value.scalar, dtype.rawValue, device.description, $2) }
  }

  /// Uninitialised memory: fill it before it is read.
  public static func empty(_ shape: [Int], dtype: DType = .float32, device: Device = .cpu) throws -> Tensor {
    try sized(shape) { ct_empty($0, $1, dtype.rawValue, device.description, $2) }
  }

  /// The integers `start..<end` as int64 `[end − start]`.
  public static func arange(_ start: Int = 0, _ end: Int, device: Device = .cpu) throws -> Tensor {
    try make {
      ct_arange(start.scalar, end.scalar, 1.scalar, DType.int64.rawValue, device.description, $0)
    }
  }

  /// `count` equally spaced values from `start` to `end`, both included.
  public static func linspace(
    _ start: Double, _ end: Double, count: Int, dtype: DType = .float32, device: Device = .cpu
  ) throws -> Tensor {
    try make { ct_linspace(start, end, Int64(count), dtype.rawValue, device.description, $0) }
  }

  /// The identity matrix `[n, n]`.
  public static func eye(_ n: Int, dtype: DType = .float32, device: Device = .cpu) throws -> Tensor {
    try make { ct_eye(Int64(n), dtype.rawValue, device.description, $0) }
  }

  static func sized(
    _ shape: [Int], _ body: (UnsafePointer<Int64>?, Int, UnsafeMutablePointer<ct_tensor?>) -> Int32
  ) throws -> Tensor {
    let sizes = shape.map(Int64.init)
    return try make { body(sizes, sizes.count, $0) }
  }

  /// Zeros of this tensor's shape, type and device; `emptyLike` is uninitialised.
  public func zerosLike() throws -> Tensor { try unary(ct_zeros_like) }
  public func onesLike() throws -> Tensor { try unary(ct_ones_like) }
  public func emptyLike() throws -> Tensor { try unary(ct_empty_like) }

  /// A copy with memory of its own.
  public func clone() throws -> Tensor { try unary(ct_clone) }

  /// The same values outside the autograd graph; memory is shared.
  public func detach() throws -> Tensor { try unary(ct_detach) }

  /// The same values in row-major order: this tensor's memory when it already is, else a copy.
  public func contiguous() throws -> Tensor { try unary(ct_contiguous) }

  /// A 4-D tensor `[N, C, H, W]` stored with channels innermost.
  public func channelsLast() throws -> Tensor { try unary(ct_channels_last) }

  /// The same values as another type; shares memory when the type is the same.
  public func to(_ dtype: DType) throws -> Tensor {
    try Tensor.withHandle(self) { handle in try Tensor.make { ct_to_dtype(handle, dtype.rawValue, $0) } }
  }

  /// The same values on another device; shares memory when the device is the same.
  public func to(_ device: Device) throws -> Tensor {
    try Tensor.withHandle(self) { handle in try Tensor.make { ct_to_device(handle, device.description, $0) } }
  }
}

// MARK: - Reading out

extension Tensor {
  /// The only element of a one-element tensor.
  public func item() throws -> Double {
    var result = 0.0
    try withExtendedLifetime(self) { try check(ct_item_double(handle, &result)) }
    return result
  }

  /// The only element of a one-element integer tensor.
  public func itemInt() throws -> Int {
    var result: Int64 = 0
    try withExtendedLifetime(self) { try check(ct_item_int(handle, &result)) }
    return Int(result)
  }

  /// All elements in row-major order.
  ///
  /// - Throws: `TorchError` (`dtype`) when the tensor holds another type; convert with `to(_:)` first.
  public func array<Element: TensorElement>(of type: Element.Type = Element.self) throws -> [Element] {
    guard dtype == Element.dtype else {
      throw TorchError(.dtype, "a tensor of \(dtype) is not read as \(Element.dtype)")
    }
    let bytes = byteCount
    return try [Element](unsafeUninitializedCapacity: count) { buffer, initialized in
      try withExtendedLifetime(self) { try check(ct_tensor_copy_bytes(handle, buffer.baseAddress, bytes)) }
      initialized = count
    }
  }

  /// All elements in row-major order as float32, whatever the tensor's type.
  public func floats() throws -> [Float] { try to(.float32).array() }

  /// All elements in row-major order as integers, whatever the tensor's type.
  public func integers() throws -> [Int] { try to(.int64).array() }

  /// The elements' bytes in row-major order.
  public func data() throws -> Data {
    var data = Data(count: byteCount)
    try data.withUnsafeMutableBytes { bytes in
      try withExtendedLifetime(self) {
        try check(ct_tensor_copy_bytes(handle, bytes.baseAddress, bytes.count))
      }
    }
    return data
  }

  /// Calls `body` with the elements' memory, which views share; it must not leave the call.
  ///
  /// - Throws: `TorchError` for a tensor that is not on the CPU or not contiguous; what `body` throws.
  public func withUnsafeMutableBytes<Result>(_ body: (UnsafeMutableRawBufferPointer) throws -> Result) throws
    -> Result
  {
    try withExtendedLifetime(self) {
      var memory: UnsafeMutableRawPointer?
      try check(ct_tensor_data(handle, &memory))
      return try body(UnsafeMutableRawBufferPointer(start: memory, count: byteCount))
    }
  }
}
