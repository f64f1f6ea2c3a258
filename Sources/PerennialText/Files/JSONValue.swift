import Foundation
import Torch

/// What a JSON file holds.
public enum JSONValue: Equatable, Sendable {
  case null
  case flag(Bool)
  case integer(Int)
  case number(Double)
  case text(String)
  case list([JSONValue])
  case object([String: JSONValue])

  /// What kind of value it is, for messages.
  var kind: String {
    switch self {
    case .null: "null"
    case .flag: "a truth value"
    case .integer: "a whole number"
    case .number: "a number"
    case .text: "a text"
    case .list: "a list"
    case .object: "an object"
    }
  }

  /// Reads a file.
  ///
  /// - Throws: `FileError` (`missing`, `unreadable`, `corrupt`).
  init(contentsOf url: URL) throws {
    let data = try Data(file: url)
    // A zero byte would make the decoder take the file for UTF-16.
    guard !data.contains(0) else { throw FileError(.corrupt, url.path, "is not JSON in UTF-8") }
    do {
      self = try JSONDecoder().decode(JSONValue.self, from: data)
    } catch {
      throw FileError(.corrupt, url.path, "is not JSON: \(Self.reason(error))")
    }
  }

  private static func reason(_ error: any Error) -> String {
    guard case .dataCorrupted(let context) = error as? DecodingError else { return "\(error)" }
    guard let detail = context.underlyingError as? CocoaError,
      let text = detail.userInfo[NSDebugDescriptionErrorKey] as? String
    else { return context.debugDescription }
    return text
  }

  /// The value as JSON text, keys in order. A number keeps its point, because readers may tell 1.0 from 1.
  package func data() -> Data { Data((text + "\n").utf8) }

  /// The value as JSON text.
  var text: String { text(indent: "") }

  private func text(indent: String) -> String {
    let inner = indent + "  "
    switch self {
    case .null: return "null"
    case .flag(let value): return "\(value)"
    case .integer(let value): return "\(value)"
    case .number(let value): return value.isFinite ? "\(value)" : "null"
    case .text(let value): return Self.quoted(value)
    case .list(let values):
      return "[\(values.map { $0.text(indent: inner) }.joined(separator: ", "))]"
    case .object(let fields):
      guard !fields.isEmpty else { return "{}" }
      let lines = fields.sorted { $0.key < $1.key }.map {
        "\(inner)\(Self.quoted($0.key)): \($0.value.text(indent: inner))"
      }
      return "{\n\(lines.joined(separator: ",\n"))\n\(indent)}"
    }
  }

  private static func quoted(_ text: String) -> String {
    var result = "\""
    for scalar in text.unicodeScalars {
      switch scalar {
      case "\"": result += "\\\""
      case "\\": result += "\\\\"
      case ..<" ": result += "\\u00" + (scalar.value < 16 ? "0" : "") + String(scalar.value, radix: 16)
      default: result.unicodeScalars.append(scalar)
      }
    }
    return result + "\""
  }
}

extension JSONValue: Decodable {
  /// Takes whatever JSON has.
  public init(from decoder: any Decoder) throws {
    let container = try decoder.singleValueContainer()
    if container.decodeNil() {
      self = .null
    } else if let value = try? container.decode(Bool.self) {
      self = .flag(value)
    } else if let value = try? container.decode(Int.self) {
      self = .integer(value)
    } else if let value = try? container.decode(Double.self) {
      self = .number(value)
    } else if let value = try? container.decode(String.self) {
      self = .text(value)
    } else if let value = try? container.decode([JSONValue].self) {
      self = .list(value)
    } else {
      self = .object(try container.decode([String: JSONValue].self))
    }
  }
}

extension JSONValue: ExpressibleByStringLiteral, ExpressibleByBooleanLiteral, ExpressibleByIntegerLiteral,
  ExpressibleByFloatLiteral, ExpressibleByNilLiteral
{
  public init(stringLiteral value: String) { self = .text(value) }
  public init(booleanLiteral value: Bool) { self = .flag(value) }
  public init(integerLiteral value: Int) { self = .integer(value) }
  public init(floatLiteral value: Double) { self = .number(value) }
  public init(nilLiteral: ()) { self = .null }
}
