import CZlib
import Foundation

/// Decompression by zlib: gzip files and the members of zip archives.
public enum Inflate {
  /// The first two bytes of every gzip file.
  package static let gzipMagic: [UInt8] = [0x1f, 0x8b]

  /// The most that a byte of DEFLATE data can expand to.
  private static let largestRatio = 1032

  /// The content of a gzip file, all of its members in order, with their checksums verified.
  ///
  /// - Parameters:
  ///   - data: the compressed file.
  ///   - file: its name, for errors.
  ///   - maximum: the most bytes that the content may have.
  /// - Throws: `FileError` (`format`, `truncated`, `corrupt`, `range`) with the offset in the compressed
  ///   file.
  public static func gzip(_ data: Data, file: String, maximum: Int = 1 << 34) throws -> [UInt8] {
    try data.withUnsafeBytes { bytes in
      guard bytes.starts(with: gzipMagic) else {
        throw FileError(.format, file, .byte(0), "not a gzip file: it does not begin with 1f 8b")
      }
      // The last four bytes hold the size of the content modulo 2³², which is a hint and no more than that.
      let announced = bytes.integer(at: bytes.count - 4, as: UInt32.self).map(Int.init) ?? 0
      let capacity = min(
        announced, bytes.count.multipliedReportingOverflow(by: largestRatio).partialValue, maximum)
      var output = [UInt8](repeating: 0, count: max(capacity, 4096))
      var written = 0
      var offset = 0
      repeat {
        let stream = try InflateStream(windowBits: 15 + 16, file: file)
        offset += try stream.run(bytes, from: offset, into: &output, at: &written, maximum: maximum)
        // Zeros may pad the file to a block.
        while offset < bytes.count, bytes[offset] == 0 { offset += 1 }
        guard offset == bytes.count || bytes[offset...].starts(with: gzipMagic) else {
          throw FileError(.corrupt, file, .byte(offset), "\(bytes.count - offset) bytes that are not gzip's")
        }
      } while offset < bytes.count
      output.removeLast(output.count - written)
      return output
    }
  }

  /// The content of a raw DEFLATE stream whose size is known.
  ///
  /// - Throws: `FileError` (`truncated`, `corrupt`) unless the stream gives exactly `count` bytes.
  package static func raw(_ bytes: UnsafeRawBufferPointer, count: Int, file: String) throws -> [UInt8] {
    guard count <= (bytes.count + 1).multipliedReportingOverflow(by: largestRatio).partialValue else {
      throw FileError(.corrupt, file, "\(bytes.count) compressed bytes cannot hold the announced \(count)")
    }
    var output = [UInt8](repeating: 0, count: max(count, 1))
    var written = 0
    let stream = try InflateStream(windowBits: -15, file: file)
    _ = try stream.run(bytes, from: 0, into: &output, at: &written, maximum: count)
    guard written == count else {
      throw FileError(.corrupt, file, "decompressed to \(written) bytes where \(count) are announced")
    }
    output.removeLast(output.count - written)
    return output
  }

  /// The CRC-32 checksum that gzip and zip use.
  package static func checksum(_ bytes: UnsafeRawBufferPointer) -> UInt32 {
    var value = crc32(0, nil, 0)
    var offset = 0
    while offset < bytes.count {
      let count = min(bytes.count - offset, 1 << 30)
      let part = UnsafeRawBufferPointer(rebasing: bytes[offset..<offset + count])
      value = crc32(value, part.bindMemory(to: UInt8.self).baseAddress, uInt(count))
      offset += count
    }
    return UInt32(truncatingIfNeeded: value)
  }
}

/// One zlib stream. zlib keeps a pointer back to the structure, so that it must stay where it is.
private final class InflateStream {
  private let stream: UnsafeMutablePointer<z_stream>
  private let file: String

  init(windowBits: Int32, file: String) throws {
    stream = .allocate(capacity: 1)
    stream.initialize(to: z_stream())
    self.file = file
    let status = inflateInit2_(stream, windowBits, ZLIB_VERSION, Int32(MemoryLayout<z_stream>.size))
    guard status == Z_OK else {
      throw FileError(.unreadable, file, "zlib cannot start (code \(status))")
    }
  }

  deinit {
    inflateEnd(stream)
    stream.deallocate()
  }

  /// Decompresses one stream, letting `output` grow up to `maximum` bytes.
  ///
  /// - Returns: how many bytes of input the stream took.
  func run(
    _ input: UnsafeRawBufferPointer, from start: Int, into output: inout [UInt8], at written: inout Int,
    maximum: Int
  ) throws -> Int {
    let bytes = UnsafeMutablePointer(mutating: input.bindMemory(to: UInt8.self).baseAddress)
    var consumed = 0
    while true {
      if written == output.count, written < maximum {
        output.append(contentsOf: repeatElement(0, count: min(max(output.count, 4096), maximum - written)))
      }
      let available = min(input.count - start - consumed, 1 << 30)
      let room = min(min(output.count, maximum) - written, 1 << 30)
      stream.pointee.next_in = bytes?.advanced(by: start + consumed)
      stream.pointee.avail_in = uInt(available)
      let status = output.withUnsafeMutableBufferPointer { buffer in
        stream.pointee.next_out = buffer.baseAddress?.advanced(by: written)
        stream.pointee.avail_out = uInt(room)
        return inflate(stream, Z_NO_FLUSH)
      }
      consumed += available - Int(stream.pointee.avail_in)
      written += room - Int(stream.pointee.avail_out)
      switch status {
      case Z_STREAM_END: return consumed
      case Z_OK: continue
      case Z_BUF_ERROR where start + consumed == input.count:
        throw FileError(.truncated, file, .byte(input.count), "the compressed data ends too early")
      case Z_BUF_ERROR:
        throw FileError(
          .range, file, .byte(start + consumed), "the content is larger than the \(maximum) bytes allowed")
      default:
        let reason = stream.pointee.msg.map { String(cString: $0) } ?? "zlib code \(status)"
        throw FileError(.corrupt, file, .byte(start + consumed), "the compressed data is corrupt: \(reason)")
      }
    }
  }
}
