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
    let isJSON = ["jsonl", "json"].contains(url.pathExtension.lowercased())
    let lines = try isJSON ? Self.lines(url) : Self.csv(url)
    let sorted = try bad.sort(lines, of: url.relativePath)
    (records, places, skipped) = (sorted.records.map(\.text), sorted.records.map(\.place), sorted.skipped)
  }

  private typealias Placed = (text: LabeledText, place: String)

  private static func lines(_ url: URL) throws -> [Result<Placed, TextDataError>] {
    let lines = try JSONLines(url)
    return lines.records { (object, line) throws(RecordProblem) in
      (try text(of: object), "\(lines.file):\(line)")
    }
  }

  private static func text(of object: [String: Any]) throws(RecordProblem) -> LabeledText {
    guard let text = object["text"] as? String else { throw RecordProblem("`text` is missing or no text") }
    guard let label = JSONLines.name(object["label"]) else { throw RecordProblem("`label` is missing") }
    let group = TextGroup(task: JSONLines.name(object["task"]), time: JSONLines.name(object["time"]))
    return try checked(
      LabeledText(text, label: label, group: group, identifier: JSONLines.name(object["id"])))
  }

  private static func csv(_ url: URL) throws -> [Result<Placed, TextDataError>] {
    let file = url.relativePath
    let text = try Corpus.file(url).text()
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
    let (tasks, times, identifiers) = (column(["task", "domain"]), column(["time"]), column(["id"]))
    return table.rows.enumerated().map { index, row in
      let place = "record \(index + 1)"
      guard row.count == table.header.count else {
        let problem = "\(place) has \(row.count) fields, and there are \(table.header.count) columns"
        return .failure(TextDataError(file, problem))
      }
      let identifier = identifiers.map { row[$0] }
      let record = LabeledText(
        row[texts], label: row[labels],
        group: TextGroup(task: tasks.map { row[$0] }, time: times.map { row[$0] }),
        identifier: identifier == "" ? nil : identifier)
      do throws(RecordProblem) {
        return .success((try checked(record), "\(file), \(place)"))
      } catch {
        return .failure(TextDataError(file, "\(place): \(error.text)"))
      }
    }
  }

  private static func checked(_ text: LabeledText) throws(RecordProblem) -> LabeledText {
    guard !text.text.allSatisfy(\.isWhitespace) else { throw RecordProblem("the text is empty") }
    guard !text.label.isEmpty else { throw RecordProblem("the label is empty") }
    return text
  }
}
