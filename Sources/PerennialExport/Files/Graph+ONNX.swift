import Foundation
import Perennial
import SwiftProtobuf
import Torch

extension Graph {
  /// The version of the file format that came with ``operatorSet``.
  private static let formatVersion: Int64 = 8
  /// Larger files than this cannot be read by Protocol Buffers; constants then go to a file beside.
  public static let largestFile = 2_000_000_000
  /// Constants that are smaller stay in the file in any case, so that shapes can be inferred from it alone.
  private static let smallestExternal = 1024
  /// Offsets in the file beside are multiples of this, so that it can be mapped.
  private static let alignment = 4096

  /// Writes the graph as ONNX.
  ///
  /// - Parameters:
  ///   - url: the file, `model.onnx`. Where the constants take more than `limit` bytes they go to a second one beside it,
  ///     `model.onnx.data`, which is written first.
  ///   - limit: bytes.
  /// - Throws: `AtomicFileError` when the disk refuses.
  public func write(to url: URL, limit: Int = largestFile) throws {
    var message = try self.message()
    let beside = url.appendingPathExtension("data")
    let names = constants.keys.sorted()
    let outside = constantBytes > limit ? Set(names.filter { isExternal($0) }) : []
    var offset = 0
    for name in names {
      guard let tensor = constants[name] else { continue }
      var constant = ONNXTensorProto()
      constant.name = name
      constant.dims = tensor.shape.map(Int64.init)
      constant.dataType = Int32(tensor.dtype.onnxType)
      if outside.contains(name) {
        offset = Self.aligned(offset)
        constant.dataLocation = .external
        constant.externalData = [
          Self.entry("location", beside.lastPathComponent), Self.entry("offset", "\(offset)"),
          Self.entry("length", "\(tensor.byteCount)"),
        ]
        offset += tensor.byteCount
      } else {
        constant.rawData = try tensor.data()
      }
      message.graph.initializer.append(constant)
    }
    if outside.isEmpty {
      // What an earlier, larger model may have left there belongs to nothing any more.
      if FileManager.default.fileExists(atPath: beside.path) {
        try FileManager.default.removeItem(at: beside)
      }
    } else {
      try write(names.filter(outside.contains), to: beside)
    }
    try AtomicFile.write(message.serializedData(), to: url)
  }

  private func isExternal(_ name: String) -> Bool {
    (constants[name]?.byteCount ?? 0) >= Self.smallestExternal
  }

  private static func aligned(_ offset: Int) -> Int { (offset + alignment - 1) / alignment * alignment }

  private func write(_ names: [String], to url: URL) throws {
    try AtomicFile.write(to: url) { writer in
      var offset = 0
      for name in names {
        guard let tensor = constants[name] else { continue }
        let start = Self.aligned(offset)
        if start > offset { try writer.write(Data(count: start - offset)) }
        try writer.write(tensor.data())
        offset = start + tensor.byteCount
      }
    }
  }

  private static func entry(_ key: String, _ value: String) -> ONNXStringStringEntryProto {
    var entry = ONNXStringStringEntryProto()
    (entry.key, entry.value) = (key, value)
    return entry
  }

  /// Everything but the constants.
  private func message() throws -> ONNXModelProto {
    var model = ONNXModelProto()
    model.irVersion = Self.formatVersion
    model.producerName = "perennial"
    model.producerVersion = Version.current
    var operators = ONNXOperatorSetIdProto()
    operators.version = Int64(Self.operatorSet)
    model.opsetImport = [operators]
    model.metadataProps = metadata.sorted { $0.key < $1.key }.map { Self.entry($0.key, $0.value) }
    model.graph.name = name
    model.graph.node = nodes.map(\.message)
    model.graph.input = inputs.map(\.message)
    model.graph.output = outputs.map(\.message)
    return model
  }
}

extension Graph.Node {
  var message: ONNXNodeProto {
    var node = ONNXNodeProto()
    (node.name, node.opType, node.input, node.output) = (name, operation, inputs, outputs)
    node.attribute = attributes.sorted { $0.key < $1.key }.map { name, value in
      var attribute = ONNXAttributeProto()
      attribute.name = name
      switch value {
      case .integer(let value): (attribute.type, attribute.i) = (.int, Int64(value))
      case .integers(let values): (attribute.type, attribute.ints) = (.ints, values.map(Int64.init))
      case .number(let value): (attribute.type, attribute.f) = (.float, Float(value))
      }
      return attribute
    }
    return node
  }
}

extension Graph.Port {
  var message: ONNXValueInfoProto {
    var value = ONNXValueInfoProto()
    value.name = name
    value.type.tensorType.elemType = Int32(dtype.onnxType)
    // An empty list of axes is a number, which is not the same as an unknown shape.
    value.type.tensorType.shape = ONNXTensorShapeProto()
    value.type.tensorType.shape.dim = axes.map { axis in
      var dimension = ONNXTensorShapeProto.Dimension()
      switch axis {
      case .size(let size): dimension.dimValue = Int64(size)
      case .named(let name): dimension.dimParam = name
      }
      return dimension
    }
    return value
  }
}
