/// Why a `results.json` could not be read.
public enum ResultsError: Error, Equatable, CustomStringConvertible {
  case unreadable(file: String, reason: String)
  /// The file is not JSON: cut short, or something else.
  case notJSON(file: String, reason: String)
  case unsupportedSchema(file: String, found: Int)
  case missingKey(file: String, key: String)
  case wrongValue(file: String, key: String, expected: String, found: String)

  public var description: String {
    switch self {
    case .unreadable(let file, let reason):
      "cannot read \(file): \(reason)"
    case .notJSON(let file, let reason):
      "\(file) is not valid JSON, perhaps cut short: \(reason)"
    case .unsupportedSchema(let file, let found):
      "\(file): schema \(found) was written by another version of Perennial; this one reads schema \(RunResults.schema)"
    case .missingKey(let file, let key):
      "\(file): the key \(key) is missing"
    case .wrongValue(let file, let key, let expected, let found):
      "\(file): \(key) should be \(expected), not \(found)"
    }
  }

  /// What a decoder found wrong, in the terms of the file.
  init(_ error: DecodingError, file: String) {
    func name(_ path: [any CodingKey]) -> String { path.isEmpty ? "the whole file" : codingPathText(path) }
    switch error {
    case .keyNotFound(let key, let context):
      self = .missingKey(file: file, key: codingPathText(context.codingPath + [key]))
    case .valueNotFound(let type, let context):
      self = .wrongValue(file: file, key: name(context.codingPath), expected: Self.words(type), found: "null")
    case .typeMismatch(let type, let context):
      self = .wrongValue(
        file: file, key: name(context.codingPath), expected: Self.words(type),
        found: "a value of another kind")
    case .dataCorrupted(let context) where context.codingPath.isEmpty:
      let cause = (context.underlyingError as? any CustomDebugStringConvertible)?.debugDescription
      self = .notJSON(file: file, reason: cause ?? context.debugDescription)
    case .dataCorrupted(let context):
      self = .wrongValue(
        file: file, key: name(context.codingPath), expected: "a value in range",
        found: context.debugDescription)
    @unknown default:
      self = .notJSON(file: file, reason: "\(error)")
    }
  }

  private static func words(_ type: Any.Type) -> String {
    switch type {
    case is Int.Type: "a whole number"
    case is Double.Type: "a number"
    case is String.Type: "a text"
    case is Bool.Type: "true or false"
    case is [Any].Type: "a list"
    default: "\(type)".contains("Array") || "\(type)".hasPrefix("[") ? "a list" : "an object"
    }
  }
}
