import Foundation
import Torch

extension LabeledTable {
  /// Numbers and labels from a CSV file.
  ///
  /// Classes are the label column's texts, in numerical order where all are numbers and in the order of their bytes
  /// otherwise.
  ///
  /// - Parameter classNames: the classes that are allowed and their order, for a second file of the same set.
  /// - Throws: `FileError` naming row and column of a missing value, a cell that is no finite number or a class that
  ///   is not allowed.
  public static func csv(
    _ url: URL, options: CSVOptions = CSVOptions(), classNames: [String]? = nil
  ) throws -> LabeledTable {
    let table = try CSVTable(url, hasHeader: options.hasHeader, delimiter: options.delimiter)
    return try CSVRows(table: table, options: options, classNames: classNames)
      .labeled(rows: Array(table.rows.indices))
  }
}

extension TableDataset {
  /// Where a table without a test file is cut.
  public enum Cut: Sendable {
    /// The last rows of each class test, or of all rows for regression.
    case lastOfEachClass
    /// The last rows test: for rows in the order of time.
    case last
  }

  /// A table from one CSV file that is cut in two, or from two files.
  ///
  /// - Parameters:
  ///   - test: the file to test on; nil cuts `url`.
  ///   - fraction: the share of the rows that tests.
  /// - Throws: what `LabeledTable.csv` throws, and `FileError` where a part would be empty.
  public static func csv(
    _ url: URL, test: URL? = nil, name: String? = nil, options: CSVOptions = CSVOptions(),
    cut: Cut = .lastOfEachClass,
    fraction: Double = 0.2
  ) throws -> TableDataset {
    let name = name ?? url.deletingPathExtension().lastPathComponent
    if let test {
      let train = try LabeledTable.csv(url, options: options)
      return TableDataset(
        name: name, train: train,
        test: try LabeledTable.csv(test, options: options, classNames: train.classNames))
    }
    guard fraction > 0, fraction < 1 else {
      throw FileError(.range, url.path, "a test share of \(fraction); allowed is what lies between 0 and 1")
    }
    let table = try CSVTable(url, hasHeader: options.hasHeader, delimiter: options.delimiter)
    let rows = try CSVRows(table: table, options: options, classNames: nil)
    let split: (train: [Int], test: [Int])
    switch cut {
    case .lastOfEachClass:
      split = HeldOut.lastOfEachClass(
        rows.labels ?? [Int](repeating: 0, count: table.rows.count), fraction: fraction)
    case .last:
      let count = Int((Double(table.rows.count) * fraction).rounded())
      split = (Array(0..<table.rows.count - count), Array(table.rows.count - count..<table.rows.count))
    }
    guard !split.train.isEmpty, !split.test.isEmpty else {
      throw FileError(.empty, url.path, "\(table.rows.count) rows cannot be cut into training and testing")
    }
    return TableDataset(
      name: name, train: try rows.labeled(rows: split.train), test: try rows.labeled(rows: split.test))
  }
}

/// A CSV file's cells as numbers.
private struct CSVRows {
  private let table: CSVTable
  private let featureNames: [String]
  private let features: [Float]
  /// Classes; nil for regression.
  let labels: [Int]?
  private let classNames: [String]
  private let values: [Float]

  init(table: CSVTable, options: CSVOptions, classNames: [String]?) throws {
    self.table = table
    let columns = try options.columns(of: table)
    func cell(_ row: Int, _ column: Int) throws -> String {
      let text = table.rows[row][column].trimmingCharacters(in: .whitespaces)
      guard !options.missing.contains(text) else {
        throw FileError(
          .empty, table.file, .row(row + 1, column: table.name(of: column)),
          "a missing value\(text.isEmpty ? "" : " '\(text)'"); fill it, or leave out the column or the row")
      }
      return text
    }
    func number(_ row: Int, _ column: Int) throws -> Float {
      let text = try cell(row, column)
      guard let value = Float(text), value.isFinite else {
        throw FileError(
          .range, table.file, .row(row + 1, column: table.name(of: column)), "'\(text)' is no finite number")
      }
      return value
    }
    featureNames = columns.features.map(table.name(of:))
    features = try table.rows.indices.flatMap { row in try columns.features.map { try number(row, $0) } }
    guard options.task == .classification else {
      values = try table.rows.indices.map { try number($0, columns.label) }
      labels = nil
      self.classNames = []
      return
    }
    let texts = try table.rows.indices.map { try cell($0, columns.label) }
    let names = classNames ?? Set(texts).sortedAsClasses()
    let places = Dictionary(names.enumerated().map { ($1, $0) }, uniquingKeysWith: { first, _ in first })
    labels = try texts.enumerated().map { row, text in
      guard let place = places[text] else {
        throw FileError(
          .range, table.file, .row(row + 1, column: table.name(of: columns.label)),
          "the class '\(text)'; known are \(names.joined(separator: ", "))")
      }
      return place
    }
    self.classNames = names
    values = []
  }

  func labeled(rows: [Int]) throws -> LabeledTable {
    let width = featureNames.count
    let selected = rows.flatMap { features[$0 * width..<($0 + 1) * width] }
    let targets: LabeledTable.Targets =
      if let labels {
        .classes(rows.map { labels[$0] }, names: classNames)
      } else {
        .values(try Tensor(rows.map { values[$0] }))
      }
    return try LabeledTable(
      features: Tensor(selected, shape: [rows.count, width]), featureNames: featureNames, targets: targets,
      source: table.file)
  }
}

extension Set<String> {
  /// In numerical order where all are numbers, otherwise in the order of their bytes.
  fileprivate func sortedAsClasses() -> [String] {
    let numbers = compactMap { text in Double(text).map { (value: $0, text: text) } }
    if numbers.count == count {
      return numbers.sorted { ($0.value, $0.text) < ($1.value, $1.text) }.map(\.text)
    }
    return sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) }
  }
}
