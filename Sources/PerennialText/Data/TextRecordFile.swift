import Foundation
import SwiftCSV

/// Texts with classes from a file: JSON lines or CSV with `text` and `label`, and perhaps `task` or `time`.
public struct TextRecordFile {
  public let records: [LabeledText]
  /// Records that were left out.
  public let skipped: [TextDataError]

  /// - Throws: `TextDataError` with the line of the first bad record, unless those are skipped.
  public init(_ url: URL, bad: BadRecords = .refuse) throws {
    let isJSON = ["jsonl", "json"].contains(url.pathExtension.lowercased())
    let lines = try isJSON ? JSONLines(url).records(Self.record) : Self.csv(url)
    (records, skipped) = try bad.sort(lines, of: url.relativePath)
  }

  private static func record(_ object: [String: Any]) throws(RecordProblem) -> LabeledText {
    guard let text = object["text"] as? String else { throw RecordProblem("`text` is missing or no text") }
    guard let label = JSONLines.name(object["label"]) else { throw RecordProblem("`label` is missing") }
    return try checked(
      text, label, JSONLines.name(object["task"]), time: JSONLines.name(object["time"]))
  }

  private static func csv(_ url: URL) throws -> [Result<LabeledText, TextDataError>] {
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
    let (tasks, times) = (column(["task", "domain"]), column(["time"]))
    return table.rows.enumerated().map { index, row in
      let place = "record \(index + 1)"
      guard row.count == table.header.count else {
        let problem = "\(place) has \(row.count) fields, and there are \(table.header.count) columns"
        return .failure(TextDataError(file, problem))
      }
      do throws(RecordProblem) {
        return .success(
          try checked(row[texts], row[labels], tasks.map { row[$0] }, time: times.map { row[$0] }))
      } catch {
        return .failure(TextDataError(file, "\(place): \(error.text)"))
      }
    }
  }

  private static func checked(_ text: String, _ label: String, _ task: String?, time: String?)
    throws(RecordProblem) -> LabeledText
  {
    guard !text.allSatisfy(\.isWhitespace) else { throw RecordProblem("the text is empty") }
    guard !label.isEmpty else { throw RecordProblem("the label is empty") }
    return LabeledText(text, label: label, group: TextGroup(task: task, time: time))
  }
}
