import Foundation

/// A file of one JSON object a line.
struct JSONLines {
  typealias Line<Record> = Result<Record, TextDataError>

  let file: String
  private let data: Data

  /// - Throws: `TextDataError` for a file that cannot be read.
  init(_ url: URL) throws {
    file = url.relativePath
    guard let data = try? Data(contentsOf: url) else {
      throw TextDataError(file, "there is no such file, or it cannot be read")
    }
    self.data = data
  }

  /// The records of all lines that are not blank; what is wrong with a line, where it gives none.
  ///
  /// - Parameter make: takes an object and the number of its line, and throws what is wrong with it.
  func records<Record>(_ make: ([String: Any], _ line: Int) throws(RecordProblem) -> Record) -> [Line<
    Record
  >] {
    Self.lines(data).compactMap { number, line -> Line<Record>? in
      func bad(_ problem: String) -> Line<Record> { .failure(TextDataError(file, line: number, problem)) }
      guard let line else { return bad("not UTF-8") }
      guard !line.allSatisfy(\.isWhitespace) else { return nil }
      guard let object = try? JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: Any] else {
        return bad("not a JSON object")
      }
      do throws(RecordProblem) {
        return .success(try make(object, number))
      } catch {
        return bad(error.text)
      }
    }
  }

  /// The lines of a text file, each as UTF-8 or not at all; `\r` at the end is not part of them.
  static func lines(_ data: Data) -> [(number: Int, text: String?)] {
    data.split(separator: 0x0A, omittingEmptySubsequences: false).enumerated().map { index, bytes in
      (index + 1, String(validating: bytes.last == 0x0D ? bytes.dropLast() : bytes, as: UTF8.self))
    }
  }

  /// A name, or a number as a name.
  static func name(_ value: Any?) -> String? {
    switch value {
    case let text as String: text
    case let number as Int: String(number)
    case let number as Double: String(number)
    default: nil
    }
  }
}

/// What is wrong with a record, before it is known where.
struct RecordProblem: Error {
  let text: String
  init(_ text: String) { self.text = text }
}

extension BadRecords {
  /// The records that can be used, and those that were left out.
  ///
  /// - Throws: the first bad one, unless those are skipped or all there is; `TextDataError` for an empty file.
  func sort<Record>(_ lines: [Result<Record, TextDataError>], of file: String) throws -> (
    records: [Record], skipped: [TextDataError]
  ) {
    var (records, skipped): ([Record], [TextDataError]) = ([], [])
    for line in lines {
      switch line {
      case .success(let record): records.append(record)
      case .failure(let error) where self == .skip: skipped.append(error)
      case .failure(let error): throw error
      }
    }
    guard !records.isEmpty else { throw skipped.first ?? TextDataError(file, "it holds no records") }
    return (records, skipped)
  }
}
