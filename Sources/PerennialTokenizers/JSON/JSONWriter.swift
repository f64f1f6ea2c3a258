import Foundation

extension JSONValue {
  /// The document, indented by two spaces; pairs such as merges and scored pieces stay on one line.
  var document: Data {
    var text: [UInt8] = []
    write(into: &text, indentation: 0)
    return Data(text)
  }

  private func write(into text: inout [UInt8], indentation: Int) {
    switch self {
    case .null, .bool, .integer: text.append(contentsOf: kind.utf8)
    case .number(let value): text.append(contentsOf: "\(value)".utf8)
    case .string(let value): Self.write(value, into: &text)
    case .array(let elements):
      let isFlat = elements.count <= 2 && elements.allSatisfy(\.isLeaf)
      Self.write(
        elements, open: "[", close: "]", isFlat: isFlat, indentation: indentation, into: &text
      ) { element, text in
        element.write(into: &text, indentation: indentation + 1)
      }
    case .object(let members):
      Self.write(members, open: "{", close: "}", isFlat: false, indentation: indentation, into: &text) {
        member, text in
        Self.write(member.key, into: &text)
        text.append(contentsOf: ": ".utf8)
        member.value.write(into: &text, indentation: indentation + 1)
      }
    }
  }

  private var isLeaf: Bool {
    switch self {
    case .array, .object: false
    default: true
    }
  }

  private static func write<Element>(
    _ elements: [Element], open: String, close: String, isFlat: Bool, indentation: Int,
    into text: inout [UInt8], element: (Element, inout [UInt8]) -> Void
  ) {
    text.append(contentsOf: open.utf8)
    for (index, item) in elements.enumerated() {
      if index > 0 { text.append(contentsOf: (isFlat ? ", " : ",").utf8) }
      if !isFlat { newLine(indentation + 1, into: &text) }
      element(item, &text)
    }
    if !isFlat, !elements.isEmpty { newLine(indentation, into: &text) }
    text.append(contentsOf: close.utf8)
  }

  private static func newLine(_ indentation: Int, into text: inout [UInt8]) {
    text.append(UInt8(ascii: "\n"))
    text.append(contentsOf: repeatElement(UInt8(ascii: " "), count: 2 * indentation))
  }

  private static func write(_ string: String, into text: inout [UInt8]) {
    text.append(UInt8(ascii: "\""))
    for byte in string.utf8 {
      switch byte {
      case UInt8(ascii: "\""), UInt8(ascii: "\\"): text.append(contentsOf: [UInt8(ascii: "\\"), byte])
      case 0x0a: text.append(contentsOf: "\\n".utf8)
      case 0x0d: text.append(contentsOf: "\\r".utf8)
      case 0x09: text.append(contentsOf: "\\t".utf8)
      case ..<0x20:
        text.append(contentsOf: "\\u00".utf8)
        text.append(contentsOf: (byte < 16 ? "0" : "").utf8)
        text.append(contentsOf: String(byte, radix: 16).utf8)
      default: text.append(byte)
      }
    }
    text.append(UInt8(ascii: "\""))
  }
}
