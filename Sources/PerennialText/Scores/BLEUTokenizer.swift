/// How text is split into words for BLEU, by the names of sacrebleu.
///
/// Post, A Call for Clarity in Reporting BLEU Scores, 2018: scores of different tokenizers cannot be compared.
public enum BLEUTokenizer: String, CaseIterable, Codable, Sendable {
  /// mteval-v13a of NIST and WMT, for European languages.
  case mteval13a = "13a"
  /// mteval-v14 for all languages: splits at the punctuation and the symbols of Unicode.
  case international = "intl"
  /// Every code point is a word.
  case characters = "char"
  /// Text that comes split, with white space between words.
  case whitespace = "none"

  /// The words of a text, none of which holds white space.
  func callAsFunction(_ text: CodePoints) -> [ArraySlice<Unicode.Scalar>] {
    switch self {
    case .whitespace: return text.words
    case .characters: return text.indices.filter { !text[$0].isSpace }.map { text[$0...$0] }
    case .mteval13a: return Self.mteval13a(text.withoutTrailingSpace).words
    case .international: return Self.international(text.withoutTrailingSpace).words
    }
  }

  /// One after the other: `&amp;lt;` ends as `<`.
  private static let replacements: [(CodePoints, CodePoints)] = [
    ("<skipped>", ""), ("-\n", ""), ("\n", " "), ("&quot;", "\""), ("&amp;", "&"), ("&lt;", "<"),
    ("&gt;", ">"),
  ].map { (Array($0.unicodeScalars), Array($1.unicodeScalars)) }

  private static func mteval13a(_ text: CodePoints) -> CodePoints {
    var text = text
    for (old, new) in replacements { text = text.replacingAll(old, with: new) }
    text = ([" "] + text + [" "]).isolating(where: \.standsAlone)
    text = text.separating { !$0.isASCIIDigit && $1.isPeriodOrComma }
    text = text.separating(spaceBefore: true) { $0.isPeriodOrComma && !$1.isASCIIDigit }
    return text.separating { $0.isASCIIDigit && $1 == "-" }
  }

  private static func international(_ text: CodePoints) -> CodePoints {
    text.separating { !$0.isNumber && $1.isPunctuation }
      .separating(spaceBefore: true) { $0.isPunctuation && !$1.isNumber }
      .isolating(where: \.isSymbol)
  }
}

extension CodePoints {
  fileprivate var withoutTrailingSpace: CodePoints {
    Array(self[..<((lastIndex { !$0.isSpace } ?? -1) + 1)])
  }

  fileprivate func replacingAll(_ old: CodePoints, with new: CodePoints) -> CodePoints {
    guard let first = old.first, contains(first) else { return self }
    var result = CodePoints()
    var index = 0
    while index < count {
      if self[index] == first, self[index...].starts(with: old) {
        result += new
        index += old.count
      } else {
        result.append(self[index])
        index += 1
      }
    }
    return result
  }

  /// Puts spaces around what `isAlone`.
  fileprivate func isolating(where isAlone: (Unicode.Scalar) -> Bool) -> CodePoints {
    var result = CodePoints()
    result.reserveCapacity(count + count / 4)
    for scalar in self {
      let spaces = isAlone(scalar)
      if spaces { result.append(" ") }
      result.append(scalar)
      if spaces { result.append(" ") }
    }
    return result
  }

  /// Spaces the pairs that `matches`, left to right and no code point in two: as `x y␣`, or as `␣x y`.
  fileprivate func separating(
    spaceBefore: Bool = false, _ matches: (Unicode.Scalar, Unicode.Scalar) -> Bool
  ) -> CodePoints {
    var result = CodePoints()
    result.reserveCapacity(count + count / 4)
    var index = 0
    while index < count {
      if index + 1 < count, matches(self[index], self[index + 1]) {
        if spaceBefore { result.append(" ") }
        result.append(self[index])
        result.append(" ")
        result.append(self[index + 1])
        if !spaceBefore { result.append(" ") }
        index += 2
      } else {
        result.append(self[index])
        index += 1
      }
    }
    return result
  }
}

extension Unicode.Scalar {
  fileprivate var isPeriodOrComma: Bool { self == "." || self == "," }

  /// The punctuation of ASCII, less apostrophe, comma, dash and period, which have rules of their own.
  fileprivate var standsAlone: Bool {
    switch self {
    case "{"..."~", "["..."`", " "..."&", "("..."+", ":"..."@", "/": true
    default: false
    }
  }

  fileprivate var isNumber: Bool {
    switch properties.generalCategory {
    case .decimalNumber, .letterNumber, .otherNumber: true
    default: false
    }
  }

  fileprivate var isPunctuation: Bool {
    switch properties.generalCategory {
    case .connectorPunctuation, .dashPunctuation, .openPunctuation, .closePunctuation, .initialPunctuation,
      .finalPunctuation, .otherPunctuation:
      true
    default: false
    }
  }

  fileprivate var isSymbol: Bool {
    switch properties.generalCategory {
    case .mathSymbol, .currencySymbol, .modifierSymbol, .otherSymbol: true
    default: false
    }
  }
}
