import Foundation
import SwiftCSV
import Torch

/// The cells of a CSV file, compressed with gzip or not.
public struct CSVTable {
  /// The columns' names; nil where the file has none.
  public let header: [String]?

  /// The cells, without the header. Every row has the same number.
  public let rows: [[String]]

  /// The file's path, for errors.
  public let file: String

  /// Reads a file in UTF-8.
  ///
  /// - Parameter hasHeader: whether the first row names the columns.
  /// - Throws: `FileError` for an unreadable or empty file, broken quotes, or a row of another length, by its number.
  public init(_ url: URL, hasHeader: Bool = true, delimiter: Character = ",") throws {
    let data = try Data(file: url)
    let content = data.starts(with: Inflate.gzipMagic) ? Data(try Inflate.gzip(data, file: url.path)) : data
    try self.init(content, file: url.path, hasHeader: hasHeader, delimiter: delimiter)
  }

  init(_ content: Data, file: String, hasHeader: Bool = true, delimiter: Character = ",") throws {
    guard let text = String(data: content, encoding: .utf8) else {
      throw FileError(.format, file, "not text in UTF-8")
    }
    var cells: [[String]] = []
    do {
      let csv = try CSV<NoView>(string: text, delimiter: .character(delimiter), loadColumns: false)
      try csv.enumerateAsArray(startAt: 0, rowLimit: nil) { cells.append($0) }
    } catch {
      throw FileError(.corrupt, file, .row(cells.count + 1, column: nil), "no CSV: \(error)")
    }
    cells.removeAll { $0 == [""] }
    let header = hasHeader ? cells.first?.map { $0.trimmingCharacters(in: .whitespaces) } : nil
    if hasHeader, !cells.isEmpty { cells.removeFirst() }
    guard let width = header?.count ?? cells.first?.count, !cells.isEmpty else {
      throw FileError(.empty, file, "no rows")
    }
    for (index, row) in cells.enumerated() {
      // The reader drops an empty cell at the very end of the file.
      if index == cells.count - 1, row.count == width - 1, content.last == delimiter.asciiValue {
        cells[index].append("")
      } else if row.count != width {
        throw FileError(
          .corrupt, file, .row(index + 1, column: nil), "\(row.count) cells; the other rows have \(width)")
      }
    }
    self.header = header
    self.file = file
    rows = cells
  }

  /// The number of columns.
  public var columnCount: Int { rows.first?.count ?? 0 }

  /// A column's name in errors and in `LabeledTable.featureNames`: the header's, or its number from 0.
  func name(of column: Int) -> String {
    header?[column] ?? String(column)
  }
}

/// Reads no rows of its own: they are enumerated once, as arrays.
private struct NoView: CSVView {
  let rows: [[String]] = []
  let columns: [String]? = nil

  init(header: [String], text: String, delimiter: CSVDelimiter, loadColumns: Bool, rowLimit: Int?) throws {}

  func serialize(header: [String], delimiter: CSVDelimiter) -> String { "" }
}
