import Foundation

/// What is wrong with a safetensors file, and where.
public struct SafetensorsError: Error, CustomStringConvertible, Equatable {
  /// The file's name.
  public let file: String
  /// What is wrong, and with which tensor.
  public let problem: String
  public var description: String { "\(file): \(problem)" }
}

/// The safetensors format: a little-endian u64 header length, a JSON header, and the tensors' bytes.
///
/// Reading maps the file into memory; a tensor is a view of it and keeps the mapping alive. Every offset is
/// checked: ranges must match shape and type, must not overlap, and must cover the buffer without holes.
public enum Safetensors {
  static let largestHeader = 100_000_000

  /// The name of the metadata in the header, which no tensor can have.
  static let metadataKey = "__metadata__"

  /// The types in the order in which the reference implementation writes their tensors.
  static let types: [(name: String, dtype: DType)] = [
    ("I64", .int64), ("F64", .float64), ("F32", .float32), ("I32", .int32), ("BF16", .bfloat16),
    ("F16", .float16), ("I16", .int16), ("I8", .int8), ("U8", .uint8), ("BOOL", .bool),
  ]

  /// Tensors by name, and the file's metadata.
  public struct Contents {
    public let tensors: [String: Tensor]
    public let metadata: [String: String]
  }

  struct Entry {
    let name: String
    let dtype: DType
    let shape: [Int]
    let range: Range<Int>
  }

  /// Reads a file.
  ///
  /// - Parameter copying: gives tensors memory of their own, so that the file may change afterwards.
  /// - Throws: `SafetensorsError` saying what is wrong with which tensor, `TorchError` (`file`) when the file
  ///   cannot be opened.
  public static func read(_ url: URL, copying: Bool = true) throws -> Contents {
    let file = url.lastPathComponent
    let mapping = try FileMapping(url)
    let (entries, metadata, start) = try header(of: mapping, file: file)
    var tensors: [String: Tensor] = [:]
    for entry in entries {
      let memory = mapping.base.advanced(by: start + entry.range.lowerBound)
      let bytes = UnsafeRawBufferPointer(start: memory, count: entry.range.count)
      if entry.dtype == .bool, let value = bytes.first(where: { $0 > 1 }) {
        throw SafetensorsError(
          file: file, problem: "\(entry.name) holds \(value), which is not a truth value")
      }
      let aligned = Int(bitPattern: memory) % entry.dtype.byteCount == 0
      tensors[entry.name] =
        copying || !aligned || bytes.isEmpty
        ? try Tensor(bytes: bytes, shape: entry.shape, dtype: entry.dtype)
        : try Tensor.mapping(memory, shape: entry.shape, dtype: entry.dtype, owner: mapping)
    }
    return Contents(tensors: tensors, metadata: metadata)
  }
}
