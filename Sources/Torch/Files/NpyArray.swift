import Foundation

/// An array of NumPy, from a `.npy` file or a member of an `.npz` archive.
///
/// Elements are held in row-major order and this machine's byte order, whatever the file's. Unsigned integers
/// of 16 and 32 bits, which tensors do not have, become the next larger signed type, those of 64 bits int64.
public struct NpyArray: Sendable {
  /// The size of each dimension; empty for a scalar.
  public let shape: [Int]

  /// The type of the elements as held here.
  public let dtype: DType

  /// The elements' bytes in row-major order.
  public let bytes: [UInt8]

  /// Reads a `.npy` file.
  ///
  /// - Throws: `FileError` where the file is missing, cut off, longer than its shape, or of Python objects,
  ///   text, dates, complex numbers or records.
  public init(_ url: URL) throws {
    try self.init(Data(file: url), file: url.path)
  }

  /// Reads a `.npy` file held in memory; `file` is its name in errors.
  public init(_ data: Data, file: String) throws {
    self = try data.withUnsafeBytes { try NpyArray($0, file: file) }
  }

  init(_ content: UnsafeRawBufferPointer, file: String) throws {
    let header = try NpyHeader(content, file: file)
    let type = try NpyType(header.typeName, file: file)
    let present = content.count - header.dataOffset
    guard let count = header.shape.elementCount,
      case let (size, overflow) = count.multipliedReportingOverflow(by: type.size), !overflow
    else {
      throw FileError(
        .corrupt, file, .byte(10), "the shape \(header.shape) has more elements than a file can hold")
    }
    guard size <= present else {
      throw FileError(
        .truncated, file, .byte(content.count),
        "shape \(header.shape) takes \(size) bytes, \(present) are there")
    }
    guard size == present, let elements = content.slice(at: header.dataOffset, length: size) else {
      throw FileError(
        .corrupt, file, .byte(header.dataOffset + size), "\(present - size) bytes after shape \(header.shape)"
      )
    }
    var bytes = [UInt8](elements)
    if type.dtype == .bool, let index = bytes.firstIndex(where: { $0 > 1 }) {
      throw FileError(.corrupt, file, .record(index), "the value \(bytes[index]) for a bool, which is 0 or 1")
    }
    if type.isSwapped { bytes.swapBytes(ofEach: type.size) }
    if header.fortranOrder { bytes = bytes.rowMajor(fromFortran: header.shape, elementSize: type.size) }
    if type.isWidened { bytes = try bytes.widened(type.size, file: file) }
    self.bytes = bytes
    shape = header.shape
    dtype = type.dtype
  }

  /// The array as a tensor of the same shape.
  public func tensor() throws -> Tensor {
    try bytes.withUnsafeBytes { try Tensor(bytes: $0, shape: shape, dtype: dtype) }
  }
}

/// An element type as NumPy names it.
private struct NpyType {
  /// The type of the tensor.
  let dtype: DType
  /// Bytes of an element in the file.
  let size: Int
  /// Whether the file's byte order is not this machine's.
  let isSwapped: Bool
  /// Whether tensors lack the type, so that elements grow on reading.
  let isWidened: Bool

  init(_ name: String, file: String) throws {
    let order = name.first ?? " "
    let code = "<>|=".contains(order) ? name.dropFirst() : name[...]
    let (dtype, size, isWidened): (DType, Int, Bool) =
      switch code {
      case "b1", "?": (.bool, 1, false)
      case "u1": (.uint8, 1, false)
      case "i1": (.int8, 1, false)
      case "i2": (.int16, 2, false)
      case "i4": (.int32, 4, false)
      case "i8": (.int64, 8, false)
      case "f2": (.float16, 2, false)
      case "f4": (.float32, 4, false)
      case "f8": (.float64, 8, false)
      case "u2": (.int32, 2, true)
      case "u4": (.int64, 4, true)
      case "u8": (.int64, 8, true)
      default:
        throw FileError(
          .unsupported, file, .byte(10),
          "elements of type '\(name)'"
            + (code.hasPrefix("O") ? " (Python objects, which would run code)" : "")
            + "; known are bool, integers, and float of 16, 32 and 64 bits")
      }
    self.dtype = dtype
    self.size = size
    self.isWidened = isWidened
    isSwapped = size > 1 && order == (Int(1).littleEndian == 1 ? ">" : "<")
  }
}

extension [UInt8] {
  fileprivate mutating func swapBytes(ofEach size: Int) {
    for start in stride(from: 0, to: count, by: size) { self[start..<start + size].reverse() }
  }

  /// Elements whose first index runs fastest, put in the order in which the last one does.
  fileprivate func rowMajor(fromFortran shape: [Int], elementSize: Int) -> [UInt8] {
    guard shape.count > 1, !isEmpty else { return self }
    var steps: [Int] = []
    var step = elementSize
    for size in shape {
      steps.append(step)
      step *= size
    }
    var result: [UInt8] = []
    result.reserveCapacity(count)
    var index = [Int](repeating: 0, count: shape.count)
    var source = 0
    while result.count < count {
      result.append(contentsOf: self[source..<source + elementSize])
      var axis = shape.count - 1
      while axis >= 0 {
        index[axis] += 1
        source += steps[axis]
        if index[axis] < shape[axis] { break }
        source -= steps[axis] * shape[axis]
        index[axis] = 0
        axis -= 1
      }
    }
    return result
  }

  /// Unsigned integers of `size` bytes as the next larger signed ones; 64 bits stay where they fit.
  fileprivate func widened(_ size: Int, file: String) throws -> [UInt8] {
    if size == 8 {
      let high = Int(1).littleEndian == 1 ? 7 : 0
      if let index = stride(from: high, to: count, by: 8).first(where: { self[$0] > 0x7f }) {
        throw FileError(.range, file, .record(index / 8), "an unsigned 64-bit value above the largest int64")
      }
      return self
    }
    var result = [UInt8](repeating: 0, count: 2 * count)
    let shift = Int(1).littleEndian == 1 ? 0 : size
    for index in 0..<count { result[index / size * 2 * size + shift + index % size] = self[index] }
    return result
  }
}
