import Torch

/// How a CSV file is to be understood.
public struct CSVOptions: Sendable {
  /// A column by its name or its place.
  public enum Column: Sendable, Equatable, ExpressibleByStringLiteral, ExpressibleByIntegerLiteral {
    case named(String)
    /// Counted from 0; −1 is the last one.
    case at(Int)

    public init(stringLiteral value: String) { self = .named(value) }
    public init(integerLiteral value: Int) { self = .at(value) }
  }

  /// What the label column holds.
  public enum Task: String, Sendable, CaseIterable {
    case classification, regression
  }

  /// Whether the first row names the columns.
  public var hasHeader = true
  /// What stands between cells.
  public var delimiter: Character = ","
  /// The column with the class or the value.
  public var label: Column = -1

  /// The columns to learn from, in this order; nil takes all except the label.
  public var features: [Column]?

  /// Columns to leave out, such as an identifier.
  public var ignored: [Column] = []

  /// What that column holds.
  public var task: Task = .classification

  /// What stands for a value that is not known; such a cell is an error, spaces around it aside.
  public var missing: Set<String> = ["", "?", "NA", "N/A", "nan", "NaN", "null"]

  /// Commas, a header, the label last, classes.
  public init() {}

  /// The places of the feature columns and of the label column.
  ///
  /// - Throws: `FileError` (`missing`) that names the column and lists those that are there.
  func columns(of table: CSVTable) throws -> (features: [Int], label: Int) {
    func place(_ column: Column) throws -> Int {
      switch column {
      case .at(let index):
        let resolved = index < 0 ? table.columnCount + index : index
        guard (0..<table.columnCount).contains(resolved) else {
          throw FileError(
            .missing, table.file, "no column \(index); there are \(table.columnCount), counted from 0")
        }
        return resolved
      case .named(let name):
        guard let index = table.header?.firstIndex(of: name) else {
          throw FileError(
            .missing, table.file,
            "no column '\(name)'; "
              + (table.header.map { "there are \($0.joined(separator: ", "))" }
                ?? "the file is read without a header, so columns go by number"))
        }
        return index
      }
    }
    let label = try place(label)
    let ignored = try Set(ignored.map(place))
    let features =
      try features?.map(place) ?? (0..<table.columnCount).filter { $0 != label && !ignored.contains($0) }
    guard !features.isEmpty else { throw FileError(.empty, table.file, "no feature columns are left") }
    guard !features.contains(label) else {
      throw FileError(
        .mismatch, table.file, "the label column '\(table.name(of: label))' is among the features")
    }
    return (features, label)
  }
}
