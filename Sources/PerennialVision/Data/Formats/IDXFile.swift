import Foundation
import Torch

/// A file of the format in which MNIST came: a magic number, the sizes big-endian, then bytes.
///
/// Format: LeCun, Cortes & Burges, "The MNIST database", file formats. Only elements of unsigned bytes are read, which
/// is what all sets of images use.
public struct IDXFile: Sendable {
  /// The sizes that the file announces.
  public let shape: [Int]

  /// The elements, the last index running fastest.
  public let bytes: [UInt8]

  /// Reads a file, compressed with gzip or not.
  ///
  /// - Parameter rank: the number of sizes that the file must announce; 3 for grey images, 1 for labels.
  /// - Throws: `FileError` that names the file and the offset of a wrong magic number, of sizes that do not fit the
  ///   file, or of damage in the compressed data.
  public init(_ url: URL, rank: Int) throws {
    let data = try Data(file: url)
    let content =
      data.starts(with: Inflate.gzipMagic) ? try Inflate.gzip(data, file: url.path) : [UInt8](data)
    try self.init(content, rank: rank, file: url.path)
  }

  init(_ content: [UInt8], rank: Int, file: String) throws {
    let header = 4 + 4 * rank
    shape = try content.withUnsafeBytes { bytes in
      guard let magic = bytes.integer(at: 0, as: UInt32.self, bigEndian: true) else {
        throw FileError(.truncated, file, .byte(bytes.count), "the file ends before its magic number does")
      }
      guard magic >> 16 == 0 else {
        throw FileError(
          .format, file, .byte(0), "not an IDX file: it begins with \(hex(magic)), not with 0000")
      }
      guard magic >> 8 == 8 else {
        throw FileError(
          .unsupported, file, .byte(2), "elements of type \(hex(magic >> 8)); 08, unsigned bytes, is known")
      }
      guard Int(magic & 0xff) == rank else {
        throw FileError(.format, file, .byte(3), "\(magic & 0xff) dimensions instead of \(rank)")
      }
      return try (0..<rank).map { axis in
        guard let size = bytes.integer(at: 4 + 4 * axis, as: UInt32.self, bigEndian: true) else {
          throw FileError(.truncated, file, .byte(bytes.count), "the file ends inside its \(rank) sizes")
        }
        return Int(size)
      }
    }
    let present = content.count - header
    guard let count = shape.elementCount, count <= present else {
      throw FileError(
        .truncated, file, .byte(content.count),
        "the sizes \(shape) announce more than the \(present) bytes that are there")
    }
    guard count == present else {
      throw FileError(
        .corrupt, file, .byte(header + count), "\(present - count) bytes after the sizes \(shape)")
    }
    bytes = Array(content[header...])
  }
}

private func hex(_ value: UInt32) -> String {
  let digits = String(value, radix: 16)
  return String(repeating: "0", count: Swift.max(0, 2 - digits.count)) + digits
}
