/// Texts in the cells of a terminal.
enum TerminalText {
  /// Without control characters, which could move the cursor or recolour the screen, and on one line.
  static func plain(_ text: String) -> String {
    String(
      String.UnicodeScalarView(
        text.unicodeScalars.map { scalar in
          switch scalar.properties.generalCategory {
          case .control, .lineSeparator, .paragraphSeparator: "\u{FFFD}"
          case .format where scalar != "\u{200D}": "\u{FFFD}"
          default: scalar
          }
        }))
  }

  /// How many cells a text takes: two for East Asian wide characters and emoji, none for combining marks.
  static func width(_ text: String) -> Int { text.reduce(0) { $0 + width($1) } }

  private static func width(_ character: Character) -> Int {
    guard let scalar = character.unicodeScalars.first else { return 0 }
    switch scalar.value {
    case 0x1100...0x115F, 0x2E80...0x303E, 0x3041...0xA4CF, 0xAC00...0xD7A3, 0xF900...0xFAFF, 0xFE30...0xFE6F,
      0xFF00...0xFF60, 0xFFE0...0xFFE6, 0x1F300...0x1F64F, 0x1F680...0x1F6FF, 0x1F900...0x1F9FF,
      0x20000...0x3FFFD:
      return 2
    default:
      return scalar.properties.generalCategory == .nonspacingMark ? 0 : 1
    }
  }

  /// The text, cut with an ellipsis where it is longer than `width` cells.
  static func fit(_ text: String, width limit: Int) -> String {
    let text = plain(text)
    guard width(text) > limit else { return text }
    var kept = ""
    var room = limit - 1
    for character in text {
      room -= width(character)
      if room < 0 { break }
      kept.append(character)
    }
    return limit > 0 ? kept + "…" : ""
  }
}
