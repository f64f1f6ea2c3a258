import Foundation

extension Safetensors {
  /// The bytes of a file, the same that the reference implementation writes: the header padded to 8 bytes
  /// with spaces, metadata first, tensors by falling type (`types`) and then by the bytes of their names.
  ///
  /// - Throws: `TorchError` when a tensor has the name of the metadata or a type without a name in the
  ///   format.
  public static func encode(_ tensors: [String: Tensor], metadata: [String: String] = [:]) throws -> Data {
    let ordered = try tensors.map { name, tensor in
      guard let rank = types.firstIndex(where: { $0.dtype == tensor.dtype }) else {
        throw TorchError(.dtype, "\(name): safetensors has no type for \(tensor.dtype)")
      }
      guard name != metadataKey else { throw TorchError(.other, "no tensor can be named \(metadataKey)") }
      return (name: name, tensor: tensor, rank: rank)
    }.sorted { a, b in a.rank == b.rank ? precedes(a.name, b.name) : a.rank < b.rank }

    var fields: [String] = []
    if !metadata.isEmpty {
      let pairs = metadata.sorted { precedes($0.key, $1.key) }
      let values = pairs.map { "\(quoted($0.key)):\(quoted($0.value))" }
      fields.append("\(quoted(metadataKey)):{\(values.joined(separator: ","))}")
    }
    var offset = 0
    for (name, tensor, rank) in ordered {
      let shape = tensor.shape.map(String.init).joined(separator: ",")
      let end = offset + tensor.byteCount
      fields.append(
        "\(quoted(name)):{\"dtype\":\"\(types[rank].name)\",\"shape\":[\(shape)],"
          + "\"data_offsets\":[\(offset),\(end)]}")
      offset = end
    }
    var header = Data("{\(fields.joined(separator: ","))}".utf8)
    while header.count % 8 != 0 { header.append(UInt8(ascii: " ")) }
    var data = withUnsafeBytes(of: UInt64(header.count).littleEndian) { Data($0) }
    data.reserveCapacity(8 + header.count + offset)
    data.append(header)
    for (_, tensor, _) in ordered { data.append(try tensor.data()) }
    return data
  }

  /// The order of the UTF-8 bytes, which is not that of Swift's strings.
  private static func precedes(_ a: String, _ b: String) -> Bool { a.utf8.lexicographicallyPrecedes(b.utf8) }

  /// A JSON string with the shortest escapes.
  private static func quoted(_ text: String) -> String {
    var result = "\""
    for scalar in text.unicodeScalars {
      switch scalar {
      case "\"": result += "\\\""
      case "\\": result += "\\\\"
      case "\u{8}": result += "\\b"
      case "\u{c}": result += "\\f"
      case "\n": result += "\\n"
      case "\r": result += "\\r"
      case "\t": result += "\\t"
      case ..<" ": result += "\\u00" + (scalar.value < 16 ? "0" : "") + String(scalar.value, radix: 16)
      default: result.unicodeScalars.append(scalar)
      }
    }
    return result + "\""
  }
}
