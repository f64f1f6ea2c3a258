import Foundation

/// `adapter_config.json`, key by key.
struct PEFTObject {
  private let values: [String: Any]
  private let file: String

  /// - Parameter file: its name, for errors.
  /// - Throws: `AdapterError.file` for what is no JSON object.
  init(_ data: Data, file: String) throws {
    self.file = file
    guard let values = try? JSONSerialization.jsonObject(with: data) as? [String: Any] else {
      throw AdapterError.file(file, "it is no JSON object")
    }
    self.values = values
  }

  /// What kind of adapter it is.
  func kind(among known: [String]) throws -> String {
    guard let kind = values["peft_type"] as? String else { throw refuse("`peft_type` is missing") }
    guard known.contains(kind) else {
      throw refuse("`peft_type` is \(kind), where \(known.joined(separator: " or ")) is known")
    }
    return kind
  }

  func refuse(_ problem: String) -> AdapterError { .file(file, problem) }

  /// The value of a key; nil where it is missing or null.
  subscript(_ key: String) -> Any? { values[key].flatMap { $0 is NSNull ? nil : $0 } }

  func value<Value>(_ key: String, _ type: Value.Type, default standard: Value? = nil) throws -> Value {
    guard let found = self[key] else {
      guard let standard else { throw refuse("`\(key)` is missing") }
      return standard
    }
    guard let value = found as? Value else { throw refuse("`\(key)` has the wrong type: \(found)") }
    return value
  }

  /// Refuses every other key that asks for something.
  func finish(known: Set<String>) throws {
    for (key, value) in values.sorted(by: { $0.key < $1.key }) where !known.contains(key) {
      guard Self.isOff(value) else { throw refuse("`\(key)`: \(value) is not supported") }
    }
  }

  /// Values that ask for nothing.
  private static func isOff(_ value: Any) -> Bool {
    switch value {
    case is NSNull: true
    case let flag as Bool: !flag
    case let text as String: text == "none"
    case let list as [Any]: list.isEmpty
    case let map as [String: Any]: map.isEmpty
    default: false
    }
  }
}
