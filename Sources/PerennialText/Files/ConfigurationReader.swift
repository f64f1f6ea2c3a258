import Foundation
import Torch

/// Takes a `config.json` apart, key by key; what nobody asked for is an error unless it is known to change nothing.
///
/// Every error is a `FileError` that names the key: `corrupt` for a value of another type, `missing` for a key without
/// a default, `range` for a value that is not allowed, `unsupported` for a key or value that would change the
/// mathematics in a way that is not known here.
public final class ConfigurationReader {
  private let file: String
  private let object: [String: JSONValue]
  private var asked: Set<String> = []

  /// No size of a model is larger, so that products of two fit.
  private static let largest = 1 << 30

  /// - Parameter file: The path that errors name.
  public init(_ object: [String: JSONValue], file: String) {
    self.object = object
    self.file = file
  }

  /// Reads a file, which must hold an object.
  ///
  /// - Throws: `FileError`.
  public convenience init(contentsOf url: URL) throws {
    guard case .object(let object) = try JSONValue(contentsOf: url) else {
      throw FileError(.corrupt, url.path, "does not hold a JSON object")
    }
    self.init(object, file: url.path)
  }

  /// An error about a key.
  public func fault(_ kind: FileError.Kind, _ key: String, _ message: String) -> FileError {
    FileError(kind, file, .entry(key), message)
  }

  /// The value of a key, or nil where it is absent or null.
  public func value(_ key: String) -> JSONValue? {
    asked.insert(key)
    guard let value = object[key], value != .null else { return nil }
    return value
  }

  private func required<Value>(_ key: String, _ value: Value?, or fallback: Value?) throws -> Value {
    if let value = value ?? fallback { return value }
    throw fault(.missing, key, "is needed and is not there")
  }

  /// A whole number of at least `minimum`.
  public func integer(_ key: String, default fallback: Int? = nil, minimum: Int = 1) throws -> Int {
    try required(key, optionalInteger(key, minimum: minimum), or: fallback)
  }

  /// A whole number of at least `minimum`, or nil.
  public func optionalInteger(_ key: String, minimum: Int = 1, default fallback: Int? = nil) throws -> Int? {
    switch value(key) {
    case nil: return object[key] == nil ? fallback : nil
    case .integer(let number):
      guard (minimum...Self.largest).contains(number) else {
        throw fault(.range, key, "is \(number); \(minimum) … \(Self.largest) are allowed")
      }
      return number
    case let other?: throw fault(.corrupt, key, "is \(other.kind), not a whole number")
    }
  }

  /// A finite number in `range`.
  public func number(_ key: String, default fallback: Double? = nil, in range: ClosedRange<Double>) throws
    -> Double
  {
    let number: Double? =
      switch value(key) {
      case nil: nil
      case .integer(let number): Double(number)
      case .number(let number): number
      case let other?: throw fault(.corrupt, key, "is \(other.kind), not a number")
      }
    if let number, !range.contains(number) {
      throw fault(.range, key, "is \(number); \(range.lowerBound) … \(range.upperBound) are allowed")
    }
    return try required(key, number, or: fallback)
  }

  /// A probability below 1.
  public func probability(_ key: String, default fallback: Double) throws -> Double {
    try number(key, default: fallback, in: 0...0.999)
  }

  /// A truth value.
  public func flag(_ key: String, default fallback: Bool) throws -> Bool {
    switch value(key) {
    case nil: fallback
    case .flag(let flag): flag
    case let other?: throw fault(.corrupt, key, "is \(other.kind), not true or false")
    }
  }

  /// A text, one of a kind's raw values.
  public func choice<Choice: RawRepresentable & CaseIterable>(
    _ key: String, default fallback: Choice? = nil
  ) throws -> Choice where Choice.RawValue == String {
    switch value(key) {
    case nil: return try required(key, nil, or: fallback)
    case .text(let text):
      guard let choice = Choice(rawValue: text) else {
        let known = Choice.allCases.map(\.rawValue).joined(separator: ", ")
        throw fault(.unsupported, key, "is \(text); known are \(known)")
      }
      return choice
    case let other?: throw fault(.corrupt, key, "is \(other.kind), not a text")
    }
  }

  /// The part below a key, to be read and finished like the whole; nil where it is absent.
  public func part(_ key: String) throws -> ConfigurationReader? {
    switch value(key) {
    case nil: nil
    case .object(let object): ConfigurationReader(object, file: "\(file): \(key)")
    case let other?: throw fault(.corrupt, key, "is \(other.kind), not an object")
    }
  }

  /// Token ids: one, several, or none.
  public func tokens(_ key: String) throws -> [Int] {
    let values: [JSONValue]
    switch value(key) {
    case nil: return []
    case .list(let list): values = list
    case let single?: values = [single]
    }
    return try values.map {
      guard case .integer(let token) = $0, (0...Self.largest).contains(token) else {
        throw fault(.corrupt, key, "is not a token id or a list of them")
      }
      return token
    }
  }

  /// Refuses a key that is there with another value than the one that is known here.
  public func require(_ key: String, _ known: JSONValue) throws {
    guard let given = value(key), given != known else { return }
    throw fault(.unsupported, key, "is \(given.text); only \(known.text) is known")
  }

  /// Refuses whatever nobody asked for and is not in `harmless`.
  public func finish(harmless: Set<String> = []) throws {
    let unknown = Set(object.keys).subtracting(asked).subtracting(harmless).sorted()
    guard unknown.isEmpty else {
      throw FileError(
        .unsupported, file, .entry(unknown.joined(separator: ", ")),
        "not known here, and might change what the model computes")
    }
  }
}
