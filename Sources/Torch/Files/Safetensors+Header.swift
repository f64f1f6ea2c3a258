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
    let start = 8 + Int(declared)
    guard start <= mapping.count else {
      throw fail("the header says it has \(declared) bytes, but the file ends after \(mapping.count)")
    }
    let json: JSONHeader
    do {
      json = try JSONHeader(UnsafeRawBufferPointer(start: mapping.base.advanced(by: 8), count: start - 8))
    } catch let error as MalformedHeader {
      throw fail(error.problem)
    }
    let entries = try json.tensors.map { name, fields in
      do {
        return try entry(name, fields)
      } catch let error as MalformedHeader {
        throw fail("\(name) \(error.problem)")
      }
    }.sorted {
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
    guard end == mapping.count - start else {
      throw fail("the tensors take \(end) bytes, but \(mapping.count - start) follow the header")
    }
    return (entries, json.metadata, start)
  }

  private static func entry(_ name: String, _ fields: JSONHeader.Fields) throws -> Entry {
    guard let type = types.first(where: { $0.name == fields.dtype }) else {
      let known = types.map(\.name).joined(separator: ", ")
      throw MalformedHeader("has the type \(fields.dtype); known are \(known)")
    }
    var size = type.dtype.byteCount
    for dimension in fields.shape {
      let (product, overflow) = size.multipliedReportingOverflow(by: dimension)
      guard dimension >= 0, !overflow else {
        throw MalformedHeader("has the impossible shape \(fields.shape)")
      }
      size = product
    }
    let offsets = fields.offsets
    guard offsets.count == 2, offsets[0] >= 0, offsets[1] >= offsets[0] else {
      throw MalformedHeader("has the offsets \(offsets); two rising numbers are needed")
    }
    let given = offsets[1] - offsets[0]
    guard given == size else {
      throw MalformedHeader(
        "of shape \(fields.shape) and type \(fields.dtype) takes \(size) bytes, not \(given)")
    }
    return Entry(name: name, dtype: type.dtype, shape: fields.shape, range: offsets[0]..<offsets[1])
  }

  /// What is wrong with a header; the reader adds the file.
  struct MalformedHeader: Error {
    let problem: String
    init(_ problem: String) { self.problem = problem }
  }
}
