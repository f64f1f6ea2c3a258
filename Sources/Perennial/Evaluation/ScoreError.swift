/// Why something could not be scored.
public enum ScoreError: Error, Equatable, CustomStringConvertible {
  /// Two lists that belong together differ in length.
  case wrongLength(what: String, expected: Int, found: Int)
  /// An item has nothing to be compared with. Items count from one.
  case noReferences(item: Int)
  /// A setting, an index or a count is outside of what is allowed.
  case outOfRange(what: String, value: String, allowed: String)
  /// A number to be scored is NaN.
  case notANumber(what: String)

  public var description: String {
    switch self {
    case .wrongLength(let what, let expected, let found):
      "\(what) must be \(expected), one for each, but are \(found)"
    case .noReferences(let item):
      "item \(item) has no references; every item needs at least one, which may be empty"
    case .outOfRange(let what, let value, let allowed):
      "\(what) is \(value); allowed is \(allowed)"
    case .notANumber(let what):
      "\(what) is not a number"
    }
  }

  /// Throws ``outOfRange(what:value:allowed:)`` for a value outside of a range.
  public static func check(_ what: String, _ value: Int, in allowed: ClosedRange<Int>) throws {
    guard allowed.contains(value) else {
      throw outOfRange(
        what: what, value: "\(value)", allowed: "\(allowed.lowerBound) to \(allowed.upperBound)")
    }
  }
}
