import Foundation

/// A type that a single value of a configuration file is read as.
protocol ConfigurationScalar {
  static func read(_ node: ConfigurationNode) throws -> Self
  var content: ConfigurationNode.Content { get }
}

extension String: ConfigurationScalar {
  /// Numbers and other plain words are text too where text is asked for.
  static func read(_ node: ConfigurationNode) throws -> String {
    guard case .scalar(let text, _) = node.content, !node.isNull else {
      throw node.error("must be text, found \(node.found)")
    }
    return text
  }

  /// Text that would read as something else without quotes gets them.
  var content: ConfigurationNode.Content {
    let isPlain =
      Double(configurationNumber: self) == nil && !["", "~", "null", "true", "false"].contains(lowercased())
    return .scalar(self, isQuoted: !isPlain)
  }
}

extension Bool: ConfigurationScalar {
  static func read(_ node: ConfigurationNode) throws -> Bool {
    if case .scalar(let text, isQuoted: false) = node.content, let value = Bool(text.lowercased()) {
      return value
    }
    throw node.error("must be `true` or `false`, found \(node.found)")
  }

  var content: ConfigurationNode.Content { .scalar("\(self)", isQuoted: false) }
}

extension ConfigurationScalar where Self: BinaryFloatingPoint {
  /// `1_000`, `1e-3` and `.inf` are numbers, text in quotes is not.
  static func read(_ node: ConfigurationNode) throws -> Self {
    guard case .scalar(let text, isQuoted: false) = node.content,
      let value = Double(configurationNumber: text)
    else { throw node.error("must be a number, found \(node.found)") }
    return Self(value)
  }

  var content: ConfigurationNode.Content {
    let text =
      if isInfinite {
        self < 0 ? "-.inf" : ".inf"
      } else if let whole = Int(exactly: self), whole.magnitude < 1 << 53 {
        "\(whole)"
      } else {
        "\(self)"
      }
    return .scalar(text, isQuoted: false)
  }
}

extension ConfigurationScalar where Self: FixedWidthInteger {
  /// `1_000` and `2e3` are whole numbers, `2.5` is not.
  static func read(_ node: ConfigurationNode) throws -> Self {
    guard case .scalar(let text, isQuoted: false) = node.content,
      let value = Double(configurationNumber: text),
      value == value.rounded()
    else { throw node.error("must be a whole number, found \(node.found)") }
    if let exact = Self(text.replacingOccurrences(of: "_", with: "")) ?? Self(exactly: value) { return exact }
    throw node.error("must be a whole number from \(min) to \(max), found \(node.found)")
  }

  var content: ConfigurationNode.Content { .scalar("\(self)", isQuoted: false) }
}

extension Double: ConfigurationScalar {}
extension Float: ConfigurationScalar {}
extension Int: ConfigurationScalar {}
extension Int8: ConfigurationScalar {}
extension Int16: ConfigurationScalar {}
extension Int32: ConfigurationScalar {}
extension Int64: ConfigurationScalar {}
extension UInt: ConfigurationScalar {}
extension UInt8: ConfigurationScalar {}
extension UInt16: ConfigurationScalar {}
extension UInt32: ConfigurationScalar {}
extension UInt64: ConfigurationScalar {}

extension Double {
  /// Reads decimal notation with optional exponent and `_` between digits, and YAML's `.inf`; not `nan`,
  /// which is never a sensible option, nor Swift's hexadecimal and word forms.
  init?(configurationNumber text: String) {
    switch text.lowercased() {
    case ".inf", "+.inf": self = .infinity
    case "-.inf": self = -.infinity
    case let text:
      guard text.allSatisfy({ "0123456789+-.e_".contains($0) }),
        let value = Double(text.replacingOccurrences(of: "_", with: "")), value.isFinite
      else { return nil }
      self = value
    }
  }
}
