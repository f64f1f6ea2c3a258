import Foundation

/// JSON text that keeps the order in which a type encodes its keys, and keeps short things on one line.
///
/// Foundation's encoder either shuffles keys or sorts them, and puts every number of a matrix on a line of its own.
public enum OrderedJSON {
  /// How the text is laid out.
  public enum Layout: Sendable {
    /// Everything on one line.
    case compact
    /// Indented; what fits in a line, and any list of plain values, stays on one.
    case pretty
  }

  /// The JSON text of `value`.
  /// - Throws: `EncodingError` naming the key of a number that is NaN or infinite, which JSON cannot hold.
  public static func text(_ value: some Encodable, _ layout: Layout = .pretty) throws -> String {
    let json = try JSONTree.encode(value, at: [])
    return layout == .compact ? json.compact : json.pretty(indentation: 0)
  }
}

/// A JSON value whose objects remember the order of their keys.
indirect enum JSONTree: Equatable {
  case plain(String)
  case array([JSONTree])
  case object([(key: String, value: JSONTree)])

  static func == (one: JSONTree, other: JSONTree) -> Bool { one.compact == other.compact }

  var compact: String {
    switch self {
    case .plain(let text): text
    case .array(let values): "[\(values.map(\.compact).joined(separator: ", "))]"
    case .object(let members):
      "{\(members.map { "\(Self.quoted($0.key)): \($0.value.compact)" }.joined(separator: ", "))}"
    }
  }

  func pretty(indentation: Int) -> String {
    let line = compact
    if isFlatList || (indentation > 0 && line.utf8.count + indentation <= 110) { return line }
    let inner = String(repeating: " ", count: indentation + 2)
    let outer = String(repeating: " ", count: indentation)
    switch self {
    case .plain: return line
    case .array(let values):
      let lines = values.map { inner + $0.pretty(indentation: indentation + 2) }
      return "[\n\(lines.joined(separator: ",\n"))\n\(outer)]"
    case .object(let members):
      let lines = members.map {
        "\(inner)\(Self.quoted($0.key)): \($0.value.pretty(indentation: indentation + 2))"
      }
      return "{\n\(lines.joined(separator: ",\n"))\n\(outer)}"
    }
  }

  private var isFlatList: Bool {
    guard case .array(let values) = self else { return false }
    return values.allSatisfy { if case .plain = $0 { true } else { false } }
  }

  static func quoted(_ string: String) -> String {
    var text = "\""
    for scalar in string.unicodeScalars {
      switch scalar {
      case "\"": text += "\\\""
      case "\\": text += "\\\\"
      case "\n": text += "\\n"
      case "\t": text += "\\t"
      case _ where scalar.value < 0x20 || scalar.value == 0x7F:
        let digits = String(scalar.value, radix: 16)
        text += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
      default: text.unicodeScalars.append(scalar)
      }
    }
    return text + "\""
  }

  static func encode(_ value: some Encodable, at path: [any CodingKey]) throws -> JSONTree {
    switch value {
    case let value as Bool: return .plain(value ? "true" : "false")
    case let value as String: return .plain(quoted(value))
    case let value as any BinaryInteger: return .plain("\(value)")
    case let value as Double: return try number(value, isFinite: value.isFinite, at: path)
    case let value as Float: return try number(value, isFinite: value.isFinite, at: path)
    case let value as URL: return .plain(quoted(value.absoluteString))
    default:
      let encoder = OrderedEncoder(path: path)
      try value.encode(to: encoder)
      return value is any KeysInNoOrder ? encoder.node.tree.sorted : encoder.node.tree
    }
  }

  private var sorted: JSONTree {
    guard case .object(let members) = self else { return self }
    return .object(members.sorted { $0.key < $1.key })
  }

  private static func number<T>(_ value: T, isFinite: Bool, at path: [any CodingKey]) throws -> JSONTree {
    guard isFinite else {
      let key = codingPathText(path)
      throw EncodingError.invalidValue(
        value, .init(codingPath: path, debugDescription: "\(key) is \(value); JSON has finite numbers only"))
    }
    return .plain("\(value)")
  }
}

/// `runs[0].matrix` for the path of keys to a value.
func codingPathText(_ path: [any CodingKey]) -> String {
  path.reduce(into: "") { text, key in
    if let index = key.intValue {
      text += "[\(index)]"
    } else {
      text += (text.isEmpty ? "" : ".") + key.stringValue
    }
  }
}

/// What encodes its keys in an order that changes from run to run; sorted instead.
private protocol KeysInNoOrder {}
extension Dictionary: KeysInNoOrder {}
