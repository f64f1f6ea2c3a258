import Foundation
import SwiftProtobuf
import Torch

extension Graph {
  /// Reads an ONNX file as ``write(to:limit:)`` writes it.
  ///
  /// - Throws: `FileError` for a file that is damaged, or that uses what is never written here.
  public init(contentsOf url: URL) throws {
    let data = try Data(file: url)
    let model: ONNXModelProto
    do {
      model = try ONNXModelProto(serializedBytes: data)
    } catch {
      throw FileError(.corrupt, url.path, "is not an ONNX model")
    }
    guard model.opsetImport.count == 1, model.opsetImport[0].domain.isEmpty,
      model.opsetImport[0].version == Self.operatorSet
    else {
      throw FileError(.unsupported, url.path, "operators are those of set \(Self.operatorSet) alone")
    }
    self.init(name: model.graph.name)
    metadata = Dictionary(
      model.metadataProps.map { ($0.key, $0.value) }, uniquingKeysWith: { first, _ in first })
    inputs = try model.graph.input.map { try Port($0, url) }
    outputs = try model.graph.output.map { try Port($0, url) }
    nodes = try model.graph.node.map { try Node($0, url) }
    for constant in model.graph.initializer {
      guard constants[constant.name] == nil else {
        throw FileError(.corrupt, url.path, .entry(constant.name), "is there twice")
      }
      constants[constant.name] = try Self.tensor(constant, url)
    }
  }

  private static func tensor(_ constant: ONNXTensorProto, _ url: URL) throws -> Tensor {
    func fault(_ kind: FileError.Kind, _ message: String) -> FileError {
      FileError(kind, url.path, .entry(constant.name), message)
    }
    guard let dtype = DType(onnxType: Int(constant.dataType)) else {
      throw fault(.unsupported, "is of type \(constant.dataType)")
    }
    let shape = constant.dims.map { Int($0) }
    var count = dtype.byteCount
    for size in shape {
      let (product, isTooLarge) = count.multipliedReportingOverflow(by: size)
      guard size >= 0, !isTooLarge else { throw fault(.corrupt, "is of shape \(shape)") }
      count = product
    }
    let bytes = constant.dataLocation == .external ? try outside(constant, url, fault) : constant.rawData
    guard bytes.count == count else {
      throw fault(.mismatch, "holds \(bytes.count) bytes; \(count) make \(dtype) of shape \(shape)")
    }
    return try bytes.withUnsafeBytes { try Tensor(bytes: $0, shape: shape, dtype: dtype) }
  }

  /// The bytes of a constant in the file beside, which must lie in the same folder.
  private static func outside(
    _ constant: ONNXTensorProto, _ url: URL, _ fault: (FileError.Kind, String) -> FileError
  ) throws -> Data {
    let entries = Dictionary(
      constant.externalData.map { ($0.key, $0.value) }, uniquingKeysWith: { first, _ in first })
    guard let location = entries["location"], !location.isEmpty, !location.contains("/"),
      !location.hasPrefix("."),
      let offset = entries["offset"].flatMap(UInt64.init), let length = entries["length"].flatMap(Int.init),
      length >= 0
    else { throw fault(.corrupt, "does not name a place in a file of the folder") }
    let file = url.deletingLastPathComponent().appendingPathComponent(location)
    guard let handle = FileHandle(forReadingAtPath: file.path) else {
      throw FileError(.missing, file.path, "holds the constant \(constant.name), and cannot be opened")
    }
    defer { try? handle.close() }
    let end = try handle.seekToEnd()
    guard offset <= end, UInt64(length) <= end - offset else {
      throw FileError(
        .truncated, file.path, .byte(Int(clamping: offset)), "ends before \(constant.name) does")
    }
    try handle.seek(toOffset: offset)
    return try handle.read(upToCount: length) ?? Data()
  }
}

extension Graph.Port {
  fileprivate init(_ message: ONNXValueInfoProto, _ url: URL) throws {
    let type = message.type.tensorType
    guard case .tensorType? = message.type.value, let dtype = DType(onnxType: Int(type.elemType)) else {
      throw FileError(.unsupported, url.path, .entry(message.name), "is not a tensor of a known type")
    }
    self.init(
      message.name, dtype,
      type.shape.dim.map {
        if case .dimValue(let size)? = $0.value { return .size(Int(size)) }
        return .named($0.dimParam)
      })
  }
}

extension Graph.Node {
  fileprivate init(_ message: ONNXNodeProto, _ url: URL) throws {
    self.init(
      name: message.name, operation: message.opType, inputs: message.input, outputs: message.output)
    for attribute in message.attribute {
      switch attribute.type {
      case .int: attributes[attribute.name] = .integer(Int(attribute.i))
      case .ints: attributes[attribute.name] = .integers(attribute.ints.map { Int($0) })
      case .float: attributes[attribute.name] = .number(Double(attribute.f))
      default:
        throw FileError(
          .unsupported, url.path, .entry(message.name), "has the option \(attribute.name) of an unknown kind")
      }
    }
  }
}
