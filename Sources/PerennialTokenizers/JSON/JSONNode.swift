/// A place in a document: a value, the file it stands in, and the keys that lead to it.
struct JSONNode {
  let value: JSONValue
  let file: String
  let key: String

  private func wrongType(_ expected: String) -> TokenizerError {
    .wrongType(file: file, key: key, expected: expected, found: value.kind)
  }

  func invalid(allowed: String) -> TokenizerError {
    .invalidValue(file: file, key: key, value: value.kind, allowed: allowed)
  }

  func child(_ name: String, _ value: JSONValue) -> JSONNode {
    JSONNode(value: value, file: file, key: key.isEmpty ? name : "\(key).\(name)")
  }

  /// The value of a key, or nil where it is absent or null. Throws when this is no object.
  func optional(_ name: String) throws -> JSONNode? {
    guard let found = try members().last(where: { $0.key == name }), !found.value.isNull else { return nil }
    return child(name, found.value)
  }

  func required(_ name: String) throws -> JSONNode {
    guard let node = try optional(name) else {
      throw TokenizerError.missingKey(file: file, key: key.isEmpty ? name : "\(key).\(name)")
    }
    return node
  }

  func members() throws -> [JSONValue.Member] {
    guard case .object(let members) = value else { throw wrongType("an object") }
    return members
  }

  /// The elements of an array, each knowing its index.
  func elements() throws -> [JSONNode] {
    guard case .array(let elements) = value else { throw wrongType("an array") }
    return elements.enumerated().map { JSONNode(value: $1, file: file, key: "\(key)[\($0)]") }
  }

  func string() throws -> String {
    guard case .string(let string) = value else { throw wrongType("a string") }
    return string
  }

  func bool() throws -> Bool {
    guard case .bool(let bool) = value else { throw wrongType("true or false") }
    return bool
  }

  func integer(in range: ClosedRange<Int> = 0...Int(Int32.max)) throws -> Int {
    guard case .integer(let integer) = value else { throw wrongType("a whole number") }
    guard range.contains(integer) else {
      throw TokenizerError.idOutOfRange(file: file, key: key, id: integer, allowed: range)
    }
    return integer
  }

  func number() throws -> Double {
    switch value {
    case .integer(let integer): return Double(integer)
    case .number(let number): return number
    default: throw wrongType("a number")
    }
  }

  /// One scalar such as `▁`.
  func scalar() throws -> Unicode.Scalar {
    let string = try string()
    guard let scalar = string.unicodeScalars.first, string.unicodeScalars.count == 1 else {
      throw invalid(allowed: "one character")
    }
    return scalar
  }

  /// The value that stands for a string among the allowed ones.
  func choice<Value>(_ values: KeyValuePairs<String, Value>) throws -> Value {
    let string = try string()
    guard let found = values.first(where: { $0.key == string }) else {
      throw invalid(allowed: values.map(\.key).joined(separator: ", "))
    }
    return found.value
  }

  func flag(_ name: String, default value: Bool = false) throws -> Bool {
    try optional(name)?.bool() ?? value
  }
}
