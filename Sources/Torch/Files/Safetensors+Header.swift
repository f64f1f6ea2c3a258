import Foundation

extension Safetensors {
  /// Reads and checks the header: entries in the order of their bytes, metadata, and where the bytes start.
  static func header(
    of mapping: FileMapping, file: String
  ) throws -> (entries: [Entry], metadata: [String: String], start: Int) {
    func fail(_ problem: String) -> SafetensorsError { SafetensorsError(file: file, problem: problem) }
    guard mapping.count >= 8 else { throw fail("\(mapping.count) bytes are too few for a safetensors file") }
    let declared = UInt64(littleEndian: mapping.base.loadUnaligned(as: UInt64.self))
    guard declared <= UInt64(largestHeader) else {
      throw fail("the header says it has \(declared) bytes; at most \(largestHeader) are allowed")
    }
    let length = Int(declared)
    guard 8 + length <= mapping.count else {
      throw fail("the header says it has \(length) bytes, but the file ends after \(mapping.count)")
    }
    let bytes = UnsafeRawBufferPointer(start: mapping.base.advanced(by: 8), count: length)
    guard bytes.first == UInt8(ascii: "{") else { throw fail("the header does not begin with {") }
    let json: JSONHeader
    do {
      json = try JSONHeader(bytes)
    } catch {
      throw fail("the header is not the JSON of a safetensors file: \(error)")
    }
    var entries: [Entry] = []
    for (name, fields) in json.tensors {
      entries.append(try entry(name, fields, fail))
    }
    entries.sort {
      ($0.range.lowerBound, $0.range.upperBound, $0.name) < (
        $1.range.lowerBound, $1.range.upperBound, $1.name
      )
    }
    var end = 0
    for entry in entries {
      guard entry.range.lowerBound >= end else { throw fail("\(entry.name) overlaps the tensor before it") }
      guard entry.range.lowerBound == end else { throw fail("there is a hole before \(entry.name)") }
      end = entry.range.upperBound
    }
    guard 8 + length + end == mapping.count else {
      throw fail("the tensors take \(end) bytes, but \(mapping.count - 8 - length) follow the header")
    }
    return (entries, json.metadata, 8 + length)
  }

  private static func entry(
    _ name: String, _ fields: JSONHeader.Fields, _ fail: (String) -> SafetensorsError
  ) throws -> Entry {
    guard let type = types.first(where: { $0.name == fields.dtype }) else {
      throw fail(
        "\(name) has the type \(fields.dtype); known are \(types.map(\.name).joined(separator: ", "))")
    }
    var size = type.dtype.byteCount
    for dimension in fields.shape {
      let (product, overflow) = size.multipliedReportingOverflow(by: dimension)
      guard dimension >= 0, !overflow else { throw fail("\(name) has the impossible shape \(fields.shape)") }
      size = product
    }
    guard fields.offsets.count == 2, fields.offsets[0] >= 0, fields.offsets[1] >= fields.offsets[0] else {
      throw fail("\(name) has the offsets \(fields.offsets); two rising numbers are needed")
    }
    guard fields.offsets[1] - fields.offsets[0] == size else {
      throw fail(
        "\(name) of shape \(fields.shape) and type \(fields.dtype) takes \(size) bytes, not \(fields.offsets[1] - fields.offsets[0])"
      )
    }
    return Entry(
      name: name, dtype: type.dtype, shape: fields.shape, range: fields.offsets[0]..<fields.offsets[1])
  }

  /// The header's JSON. Names are checked for duplicates, which JSON decoders let pass.
  struct JSONHeader {
    struct Fields: Decodable {
      let dtype: String
      let shape: [Int]
      let offsets: [Int]

      enum CodingKeys: String, CodingKey {
        case dtype, shape
        case offsets = "data_offsets"
      }
    }

    struct Name: CodingKey {
      let stringValue: String
      var intValue: Int? { nil }
      init(stringValue: String) { self.stringValue = stringValue }
      init?(intValue: Int) { nil }
    }

    struct Body: Decodable {
      var tensors: [(String, Fields)] = []
      var metadata: [String: String] = [:]

      init(from decoder: Decoder) throws {
        let container = try decoder.container(keyedBy: Name.self)
        for key in container.allKeys {
          if key.stringValue == "__metadata__" {
            metadata = try container.decode([String: String].self, forKey: key)
          } else {
            tensors.append((key.stringValue, try container.decode(Fields.self, forKey: key)))
          }
        }
      }
    }

    let tensors: [(String, Fields)]
    let metadata: [String: String]

    init(_ bytes: UnsafeRawBufferPointer) throws {
      if let name = Self.duplicate(in: bytes) {
        throw SafetensorsError(file: "header", problem: "the name \(name) occurs twice")
      }
      let body = try JSONDecoder().decode(Body.self, from: Data(bytes))
      tensors = body.tensors
      metadata = body.metadata
    }

    /// The first key that occurs twice in the outermost object.
    static func duplicate(in bytes: UnsafeRawBufferPointer) -> String? {
      var seen: Set<[UInt8]> = []
      var depth = 0
      var string: [UInt8]?
      var escaped = false
      var last: [UInt8] = []
      for byte in bytes {
        if string != nil {
          if escaped {
            escaped = false
            string?.append(byte)
          } else if byte == UInt8(ascii: "\\") {
            escaped = true
            string?.append(byte)
          } else if byte == UInt8(ascii: "\"") {
            last = string ?? []
            string = nil
          } else {
            string?.append(byte)
          }
          continue
        }
        switch byte {
        case UInt8(ascii: "\""): string = []
        case UInt8(ascii: "{"), UInt8(ascii: "["): depth += 1
        case UInt8(ascii: "}"), UInt8(ascii: "]"): depth -= 1
        case UInt8(ascii: ":") where depth == 1:
          if !seen.insert(last).inserted { return String(decoding: last, as: UTF8.self) }
        default: break
        }
      }
      return nil
    }
  }
}
