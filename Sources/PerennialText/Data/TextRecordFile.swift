import Foundation
import SwiftCSV

/// Texts with classes from a file: JSON lines or CSV with `text` and `label`, and perhaps `task` or `time`, and `id`.
public struct TextRecordFile {
  public let records: [LabeledText]
  /// Where each stands: the file and its line, or the number of its record.
  public let places: [String]
  /// Records that were left out.
  public let skipped: [TextDataError]

  /// - Throws: `TextDataError` with the line of the first bad record, unless those are skipped.
  public init(_ url: URL, bad: BadRecords = .refuse) throws {
    let name = url.relativePath
    guard let data = try? Data(contentsOf: url) else {
      throw TextDataError(name, "there is no such file, or it cannot be read")
    }
    var records: [LabeledText] = []
    var places: [String] = []
    var skipped: [TextDataError] = []
    let isJSON = ["jsonl", "json"].contains(url.pathExtension.lowercased())
    for (place, result) in try isJSON ? Self.jsonLines(data, name) : Self.csv(data, name) {
      switch result {
      case .success(let record):
        records.append(record)
        places.append(place)
      case .failure(let error) where bad == .skip: skipped.append(error)
      case .failure(let error): throw error
      }
    }
    guard !records.isEmpty else { throw skipped.first ?? TextDataError(name, "it holds no records") }
    (self.records, self.places, self.skipped) = (records, places, skipped)
  }

  /// The lines of a text file, each as UTF-8 or not at all; `\r` at the end is not part of them.
  static func lines(_ data: Data) -> [(number: Int, text: String?)] {
    data.split(separator: 0x0A, omittingEmptySubsequences: false).enumerated().map { index, bytes in
      (index + 1, String(validating: bytes.last == 0x0D ? bytes.dropLast() : bytes, as: UTF8.self))
    }
  }

  private typealias Entry = (place: String, record: Result<LabeledText, TextDataError>)

  private static func jsonLines(_ data: Data, _ file: String) -> [Entry] {
    lines(data).compactMap { number, line in
      func bad(_ problem: String) -> Entry { ("", .failure(TextDataError(file, line: number, problem))) }
      guard let line else { return bad("not UTF-8") }
      guard !line.allSatisfy(\.isWhitespace) else { return nil }
      guard let object = try? JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: Any] else {
        return bad("not a JSON object")
      }
      guard let text = object["text"] as? String else { return bad("`text` is missing or no text") }
      guard let label = name(object["label"]) else { return bad("`label` is missing") }
      let record = LabeledText(
        text, label: label, group: name(object["task"]) ?? name(object["time"]), identifier: name(object["id"]))
      return ("\(file):\(number)", checked(record, file, number))
    }
  }

  private static func csv(_ data: Data, _ file: String) throws -> [Entry] {
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
    let identifiers = column(["id"])
    return table.rows.enumerated().map { index, row in
      guard row.count == table.header.count else {
        let problem =
          "record \(index + 1) has \(row.count) fields, and there are \(table.header.count) columns"
        return ("", .failure(TextDataError(file, problem)))
      }
      let identifier = identifiers.map { row[$0] }
      let record = LabeledText(
        row[texts], label: row[labels], group: groups.map { row[$0] },
        identifier: identifier == "" ? nil : identifier)
      return ("\(file), record \(index + 1)", checked(record, file, nil, record: index + 1))
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

  private static func checked(_ text: LabeledText, _ file: String, _ line: Int?, record: Int? = nil) -> Result<
    LabeledText, TextDataError
  > {
    let place = record.map { "record \($0): " } ?? ""
    guard !text.text.allSatisfy(\.isWhitespace) else {
      return .failure(TextDataError(file, line: line, place + "the text is empty"))
    }
    guard !text.label.isEmpty else {
      return .failure(TextDataError(file, line: line, place + "the label is empty"))
    }
    return .success(text)
  }
}
