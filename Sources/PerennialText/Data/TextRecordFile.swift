import Foundation
import SwiftCSV

/// Texts with classes from a file: JSON lines or CSV with `text` and `label`, and perhaps `task` or `time`.
public struct TextRecordFile {
  public let records: [LabeledText]
  /// Records that were left out.
  public let skipped: [TextDataError]

  /// - Throws: `TextDataError` with the line of the first bad record, unless those are skipped.
  public init(_ url: URL, bad: BadRecords = .refuse) throws {
    let name = url.relativePath
    guard let data = try? Data(contentsOf: url) else {
      throw TextDataError(name, "there is no such file, or it cannot be read")
    }
    var records: [LabeledText] = []
    var skipped: [TextDataError] = []
    let isJSON = ["jsonl", "json"].contains(url.pathExtension.lowercased())
    for result in try isJSON ? Self.jsonLines(data, name) : Self.csv(data, name) {
      switch result {
      case .success(let record): records.append(record)
      case .failure(let error) where bad == .skip: skipped.append(error)
      case .failure(let error): throw error
      }
    }
    guard !records.isEmpty else { throw TextDataError(name, "it holds no records") }
    (self.records, self.skipped) = (records, skipped)
  }

  /// The lines of a text file, each as UTF-8 or not at all; `\r` at the end is not part of them.
  static func lines(_ data: Data) -> [(number: Int, text: String?)] {
    data.split(separator: 0x0A, omittingEmptySubsequences: false).enumerated().map { index, bytes in
      (index + 1, String(validating: bytes.last == 0x0D ? bytes.dropLast() : bytes, as: UTF8.self))
    }
  }

  private static func jsonLines(_ data: Data, _ file: String) -> [Result<LabeledText, TextDataError>] {
    lines(data).compactMap { number, line in
      func bad(_ problem: String) -> Result<LabeledText, TextDataError> {
        .failure(TextDataError(file, line: number, problem))
      }
      guard let line else { return bad("not UTF-8") }
      guard !line.allSatisfy(\.isWhitespace) else { return nil }
      guard let object = try? JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: Any] else {
        return bad("not a JSON object")
      }
      guard let text = object["text"] as? String else { return bad("`text` is missing or no text") }
      guard let label = name(object["label"]) else { return bad("`label` is missing") }
      return checked(text, label, name(object["task"]) ?? name(object["time"]), file, number)
    }
  }

  private static func csv(_ data: Data, _ file: String) throws -> [Result<LabeledText, TextDataError>] {
    guard let text = String(validating: data, as: UTF8.self) else {
      let line = lines(data).first { $0.text == nil }?.number
      throw TextDataError(file, line: line, "not UTF-8")
    }
    let table: CSV<Enumerated>
    do {
      table = try CSV<Enumerated>(string: text, delimiter: .comma)
    } catch {
      throw TextDataError(file, "not CSV: \(error)")
    }
    func column(_ names: [String]) -> Int? { table.header.firstIndex { names.contains($0.lowercased()) } }
    guard let texts = column(["text"]), let labels = column(["label", "category", "class", "intent"]) else {
      throw TextDataError(
        file, line: 1,
        "columns `text` and `label` are needed; there are \(table.header.joined(separator: ", "))")
    }
    let groups = column(["task", "domain", "time"])
    return table.rows.enumerated().map { index, row in
      guard row.count == table.header.count else {
        let problem =
          "record \(index + 1) has \(row.count) fields, and there are \(table.header.count) columns"
        return .failure(TextDataError(file, problem))
      }
      return checked(row[texts], row[labels], groups.map { row[$0] }, file, nil, record: index + 1)
    }
  }

  /// A name or a number as a name.
  private static func name(_ value: Any?) -> String? {
    switch value {
    case let text as String: text
    case let number as Int: String(number)
    case let number as Double: String(number)
    default: nil
    }
  }

  private static func checked(
    _ text: String, _ label: String, _ group: String?, _ file: String, _ line: Int?, record: Int? = nil
  ) -> Result<LabeledText, TextDataError> {
    let place = record.map { "record \($0): " } ?? ""
    guard !text.allSatisfy(\.isWhitespace) else {
      return .failure(TextDataError(file, line: line, place + "the text is empty"))
    }
    guard !label.isEmpty else {
      return .failure(TextDataError(file, line: line, place + "the label is empty"))
    }
    return .success(LabeledText(text, label: label, group: group))
  }
}
