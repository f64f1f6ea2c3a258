import Torch

/// The files of a tar archive: the ustar format with GNU's and POSIX's long names.
struct TarArchive {
  struct Entry {
    let name: String
    let content: Range<Int>
  }

  let bytes: [UInt8]
  let entries: [Entry]

  /// Lists an archive's files; links and devices are left out.
  ///
  /// - Throws: `FileError` (`truncated`, `corrupt`) with the offset of a header that is damaged or a file cut off.
  init(_ bytes: [UInt8], file: String) throws {
    var entries: [Entry] = []
    var offset = 0
    var longName: String?
    while offset + 512 <= bytes.count {
      let header = TarHeader(bytes[offset..<offset + 512])
      if header.isEnd { break }
      guard header.isValid, let size = header.size else {
        throw FileError(.corrupt, file, .byte(offset), "a damaged tar header")
      }
      let start = offset + 512
      guard size <= bytes.count - start else {
        throw FileError(.truncated, file, .byte(bytes.count), "the archive ends inside '\(header.name)'")
      }
      let content = start..<start + size
      switch header.type {
      case UInt8(ascii: "0"), 0: entries.append(Entry(name: longName ?? header.name, content: content))
      default: break
      }
      switch header.type {
      case UInt8(ascii: "L"): longName = String(decoding: bytes[content].prefix { $0 != 0 }, as: UTF8.self)
      case UInt8(ascii: "x"): longName = TarHeader.path(inAttributes: bytes[content]) ?? longName
      default: longName = nil
      }
      offset = start + (size + 511) / 512 * 512
    }
    guard offset + 512 <= bytes.count || (offset == bytes.count && !entries.isEmpty) else {
      throw FileError(.truncated, file, .byte(bytes.count), "the archive ends without its end mark")
    }
    self.bytes = bytes
    self.entries = entries
  }
}

/// The 512 bytes in front of each file.
private struct TarHeader {
  private let bytes: [UInt8]

  init(_ bytes: ArraySlice<UInt8>) { self.bytes = Array(bytes) }

  var isEnd: Bool { bytes.allSatisfy { $0 == 0 } }
  var type: UInt8 { bytes[156] }

  var name: String {
    let prefix = bytes[257..<262].elementsEqual("ustar".utf8) ? text(345, 155) : ""
    return prefix.isEmpty ? text(0, 100) : "\(prefix)/\(text(0, 100))"
  }

  /// The size, in octal digits or, for large files, as a binary number.
  var size: Int? {
    guard bytes[124] & 0x80 != 0 else { return octal(124, 12) }
    guard bytes[124] == 0x80, bytes[125..<128].allSatisfy({ $0 == 0 }) else { return nil }
    return Int(exactly: bytes[128..<136].reduce(UInt64(0)) { $0 << 8 | UInt64($1) })
  }

  /// Whether the header's sum, its own field counted as spaces, is the one it states.
  var isValid: Bool {
    let sum = bytes.enumerated().reduce(0) { $0 + ((148..<156).contains($1.offset) ? 0x20 : Int($1.element)) }
    return octal(148, 8) == sum
  }

  /// The value of `path` in POSIX's records `length key=value\n`.
  static func path(inAttributes bytes: ArraySlice<UInt8>) -> String? {
    String(decoding: bytes, as: UTF8.self).split(separator: "\n")
      .compactMap { line in line.split(separator: " ", maxSplits: 1).last }
      .first { $0.hasPrefix("path=") }.map { String($0.dropFirst(5)) }
  }

  private func text(_ start: Int, _ length: Int) -> String {
    String(decoding: bytes[start..<start + length].prefix { $0 != 0 }, as: UTF8.self)
  }

  private func octal(_ start: Int, _ length: Int) -> Int? {
    let digits = text(start, length).filter { $0 != " " }
    return Int(digits, radix: 8).flatMap { $0 >= 0 ? $0 : nil }
  }
}
