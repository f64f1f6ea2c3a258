/// Text of an HTML page. Interpolated strings are escaped, interpolated markup is not, so nothing that a user named
/// can become part of the page's structure.
struct Markup: ExpressibleByStringInterpolation, Sendable {
  private(set) var text: String

  init(stringLiteral value: String) { text = value }
  init(stringInterpolation: StringInterpolation) { text = stringInterpolation.text }

  /// A user's text, escaped for element content and attribute values alike.
  init(escaping string: String) {
    var text = ""
    for scalar in string.unicodeScalars {
      switch scalar {
      case "&": text += "&amp;"
      case "<": text += "&lt;"
      case ">": text += "&gt;"
      case "\"": text += "&quot;"
      case "'": text += "&#39;"
      case "\n", "\t": text.unicodeScalars.append(scalar)
      case _ where scalar.properties.generalCategory == .control: text += "\u{FFFD}"
      // Marks that turn the reading direction would reorder the page around a name.
      case "\u{202A}"..."\u{202E}", "\u{2066}"..."\u{2069}": text += "\u{FFFD}"
      default: text.unicodeScalars.append(scalar)
      }
    }
    self.text = text
  }

  struct StringInterpolation: StringInterpolationProtocol {
    fileprivate var text = ""

    init(literalCapacity: Int, interpolationCount: Int) { text.reserveCapacity(literalCapacity) }

    mutating func appendLiteral(_ literal: String) { text += literal }
    mutating func appendInterpolation(_ markup: Markup) { text += markup.text }
    mutating func appendInterpolation(_ pieces: [Markup]) { for piece in pieces { text += piece.text } }
    mutating func appendInterpolation(_ string: String) { text += Markup(escaping: string).text }
    mutating func appendInterpolation(_ number: Int) { text += String(number) }

    /// A coordinate: at most two places, none where they are zero.
    mutating func appendInterpolation(_ number: Double) {
      let digits = number.isFinite ? (number * 100).rounded() / 100 : 0
      text += digits == digits.rounded() && abs(digits) < 1e15 ? String(Int(digits)) : String(digits)
    }
  }

  static func + (one: Markup, other: Markup) -> Markup { "\(one)\(other)" }
  static func += (one: inout Markup, other: Markup) { one.text += other.text }
}

extension [Markup] {
  func joined(separator: Markup = "") -> Markup {
    var all: Markup = ""
    for (index, piece) in enumerated() {
      if index > 0 { all += separator }
      all += piece
    }
    return all
  }
}
