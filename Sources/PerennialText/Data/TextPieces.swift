import Foundation

/// A text file in pieces, so that it need not be in memory as a whole.
///
/// Pieces end where a line ends and the next begins with more than white space, so that words and runs of empty lines stay
/// together.
enum TextPieces {
  /// Bytes that are read at once.
  static let size = 1 << 22
  /// So many times as much is kept before a piece may also end between two words of a line.
  private static let patience = 16

  /// Gives the pieces of a file in order.
  ///
  /// - Throws: `TextDataError` for a file that cannot be read, is not UTF-8, or is empty; what `body` throws.
  static func read(_ url: URL, size: Int = size, _ body: (String) throws -> Void) throws {
    let file = url.relativePath
    guard let handle = try? FileHandle(forReadingFrom: url) else { throw unreadable(file) }
    defer { try? handle.close() }
    var (rest, line, isBlank) = (Data(), 1, true)
    func give(_ bytes: Data) throws {
      guard let text = String(validating: bytes, as: UTF8.self) else {
        let bad = JSONLines.lines(bytes).first { $0.text == nil }?.number ?? 1
        throw TextDataError(file, line: line + bad - 1, "not UTF-8")
      }
      line += bytes.count { $0 == newline }
      isBlank = isBlank && text.allSatisfy(\.isWhitespace)
      try body(text)
    }
    while let chunk = try next(of: handle, size, file) {
      rest.append(chunk)
      guard let cut = cut(rest, isPatient: rest.count < patience * size) else { continue }
      try give(rest.prefix(cut))
      rest = Data(rest.dropFirst(cut))
    }
    if !rest.isEmpty { try give(rest) }
    guard !isBlank else { throw TextDataError(file, "the file is empty") }
  }

  private static func next(of handle: FileHandle, _ size: Int, _ file: String) throws -> Data? {
    guard let chunk = try? handle.read(upToCount: size) else {
      // The end of a file gives nothing, and no error either.
      if (try? handle.offset()) == nil { throw unreadable(file) }
      return nil
    }
    return chunk.isEmpty ? nil : chunk
  }

  private static let newline = UInt8(ascii: "\n")

  private static func unreadable(_ file: String) -> TextDataError {
    TextDataError(file, "there is no such file, or it cannot be read")
  }

  private static func isSpace(_ byte: UInt8) -> Bool { byte == 0x20 || (0x09...0x0D).contains(byte) }

  /// Where a piece may end: behind a line, or behind a space of a line that does not end.
  private static func cut(_ bytes: Data, isPatient: Bool) -> Int? {
    let all = [UInt8](bytes)
    for place in stride(from: all.count - 1, to: 1, by: -1)
    where all[place - 1] == newline && !isSpace(all[place]) && !isSpace(all[place - 2]) {
      return place
    }
    guard !isPatient else { return nil }
    return all.indices.reversed().first { $0 > 0 && isSpace(all[$0]) && !isSpace(all[$0 - 1]) }
  }
}
