import Foundation
import PerennialText

/// Texts that are lines: what stands between line feeds, as other tools count lines. Other marks that Unicode ends lines with
/// are part of a text.
enum TextLines {
  static func of(_ text: String) -> [String] {
    var lines = text.utf8.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false).map { line in
      String(Substring(line.last == UInt8(ascii: "\r") ? line.dropLast() : line))
    }
    if lines.last?.isEmpty == true { lines.removeLast() }
    return lines
  }

  /// - Throws: `TextDataError` naming the line that is not UTF-8.
  static func standardInput() throws -> [String] { try of(wholeInput()) }

  /// - Throws: `TextDataError` naming the line that is not UTF-8.
  static func wholeInput() throws -> String {
    let bytes = try FileHandle.standardInput.readToEnd() ?? Data()
    guard let text = String(validating: bytes, as: UTF8.self) else {
      let lines = bytes.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false)
      let bad = lines.firstIndex { String(validating: $0, as: UTF8.self) == nil }
      throw TextDataError("standard input", line: (bad ?? 0) + 1, "the line is not UTF-8")
    }
    return text
  }
}
