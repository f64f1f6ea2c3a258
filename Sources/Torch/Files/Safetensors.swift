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

  static let types: [(name: String, dtype: DType)] = [
    ("F64", .float64), ("I64", .int64), ("F32", .float32), ("I32", .int32), ("F16", .float16),
    ("BF16", .bfloat16),
    ("I16", .int16), ("I8", .int8), ("U8", .uint8), ("BOOL", .bool),
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
  /// - Throws: `SafetensorsError` saying what is wrong with which tensor.
  public static func read(_ url: URL, copying: Bool = true) throws -> Contents {
    let file = url.lastPathComponent
    let mapping = try FileMapping(url)
    let (entries, metadata, start) = try header(of: mapping, file: file)
    var tensors: [String: Tensor] = [:]
    for entry in entries {
      let memory = mapping.base.advanced(by: start + entry.range.lowerBound)
      let aligned = Int(bitPattern: memory) % entry.dtype.byteCount == 0
      tensors[entry.name] =
        copying || !aligned || entry.range.isEmpty
        ? try Tensor(
          bytes: UnsafeRawBufferPointer(start: memory, count: entry.range.count), shape: entry.shape,
          dtype: entry.dtype)
        : try Tensor.mapping(memory, shape: entry.shape, dtype: entry.dtype, owner: mapping)
    }
    return Contents(tensors: tensors, metadata: metadata)
  }

  /// The bytes of a file: header padded to 8 bytes with spaces, tensors by falling element size and then by
  /// name.
  public static func encode(_ tensors: [String: Tensor], metadata: [String: String] = [:]) throws -> Data {
    let ordered = try tensors.map { name, tensor in
      guard let type = types.first(where: { $0.dtype == tensor.dtype }) else {
        throw TorchError(.dtype, "\(name): safetensors has no type for \(tensor.dtype)")
      }
      return (name: name, tensor: tensor, type: type)
    }.sorted {
      ($1.type.dtype.byteCount, $0.name) < ($0.type.dtype.byteCount, $1.name)
    }
    var header: [String: HeaderEntry] = [:]
    var offset = 0
    for (name, tensor, type) in ordered {
      let end = offset + tensor.byteCount
      header[name] = .tensor(dtype: type.name, shape: tensor.shape, offsets: [offset, end])
      offset = end
    }
    if !metadata.isEmpty { header["__metadata__"] = .metadata(metadata) }
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    var json = try encoder.encode(header)
    while json.count % 8 != 0 { json.append(0x20) }
    var data = withUnsafeBytes(of: UInt64(json.count).littleEndian) { Data($0) }
    data.reserveCapacity(8 + json.count + offset)
    data.append(json)
    for (_, tensor, _) in ordered { data.append(try tensor.data()) }
    return data
  }

  enum HeaderEntry: Encodable {
    case tensor(dtype: String, shape: [Int], offsets: [Int])
    case metadata([String: String])

    enum Key: String, CodingKey {
      case dtype, shape
      case offsets = "data_offsets"
    }

    func encode(to encoder: Encoder) throws {
      switch self {
      case .tensor(let dtype, let shape, let offsets):
        var container = encoder.container(keyedBy: Key.self)
        try container.encode(dtype, forKey: .dtype)
        try container.encode(shape, forKey: .shape)
        try container.encode(offsets, forKey: .offsets)
      case .metadata(let values): try values.encode(to: encoder)
      }
    }
  }
}
