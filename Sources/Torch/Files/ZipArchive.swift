import CZlib
import Foundation

/// A zip archive, read from its central directory: stored and deflated members, zip64 included.
public struct ZipArchive {
  /// A member of the archive.
  public struct Entry: Sendable, Equatable {
    /// The path inside the archive, with `/` between folders; folders end in `/`.
    public let name: String
    /// Bytes of its content.
    public let size: Int
    let compressedSize: Int
    let method: UInt16
    let flags: UInt16
    let checksum: UInt32
    let headerOffset: Int

    /// Whether the entry stands for a folder, which has no content.
    public var isFolder: Bool { name.hasSuffix("/") }
  }

  /// The archive's path, for errors.
  public let file: String

  /// The members in the order of the central directory.
  public let entries: [Entry]

  private let data: Data

  /// Opens an archive, mapped into memory.
  ///
  /// - Throws: `FileError` where the file is missing, no zip archive, or its directory contradicts itself.
  public init(_ url: URL) throws {
    try self.init(Data(file: url), file: url.path)
  }

  /// Opens an archive held in memory.
  public init(_ data: Data, file: String) throws {
    self.data = data
    self.file = file
    entries = try data.withUnsafeBytes { try ZipDirectory(bytes: $0, file: file).entries() }
  }

  /// The content of a member, with its checksum verified.
  ///
  /// - Throws: `FileError` (`truncated`, `corrupt`, `unsupported`) that names the member.
  public func content(of entry: Entry) throws -> [UInt8] {
    let name = "\(file)/\(entry.name)"
    guard entry.flags & 1 == 0 else { throw FileError(.unsupported, name, "the member is encrypted") }
    let content = try data.withUnsafeBytes { bytes in
      let header = entry.headerOffset
      guard bytes.integer(at: header, as: UInt32.self) == 0x0403_4b50,
        let nameLength = bytes.integer(at: header + 26, as: UInt16.self),
        let extraLength = bytes.integer(at: header + 28, as: UInt16.self)
      else { throw FileError(.corrupt, name, .byte(header), "the archive has no member here") }
      let start = header + 30 + Int(nameLength) + Int(extraLength)
      guard let packed = bytes.slice(at: start, length: entry.compressedSize) else {
        throw FileError(
          .truncated, name, .byte(start),
          "\(entry.compressedSize) bytes are announced, the archive ends before")
      }
      switch entry.method {
      case 0 where entry.size == entry.compressedSize: return [UInt8](packed)
      case 0: throw FileError(.corrupt, name, .byte(header), "a stored member with two different sizes")
      case 8: return try Inflate.raw(packed, count: entry.size, file: name)
      default:
        throw FileError(
          .unsupported, name, .byte(header),
          "compression method \(entry.method); known are 0 (stored) and 8 (deflate)")
      }
    }
    let checksum = content.withUnsafeBytes(Inflate.checksum)
    guard checksum == entry.checksum else {
      throw FileError(
        .corrupt, name,
        "checksum \(String(checksum, radix: 16)) instead of \(String(entry.checksum, radix: 16))")
    }
    return content
  }
}
