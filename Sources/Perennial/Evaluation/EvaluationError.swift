/// Why an evaluation could not be recorded.
public enum EvaluationError: Error, Equatable, CustomStringConvertible {
  /// A row of scores has the wrong number of entries.
  case wrongLength(what: String, expected: Int, found: Int)
  /// A score is NaN or infinite. Rows and columns count from one.
  case notFinite(what: String, row: Int, column: Int, value: Double)
  /// More experiences are said to be seen than the stream has, or none.
  case seenOutOfRange(seen: Int, experiences: Int)

  public var description: String {
    switch self {
    case .wrongLength(let what, let expected, let found):
      "\(what) needs \(expected) values, one for each, but got \(found)"
    case .notFinite(let what, let row, let column, let value):
      "\(what) is \(value) after experience \(row) on experience \(column); a score must be a finite number"
    case .seenOutOfRange(let seen, let experiences):
      "\(seen) experiences said to be seen; allowed are 1 to \(experiences)"
    }
  }
}
