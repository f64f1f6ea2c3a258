/// Text as Python sees it, code point by code point; `Character` would hold é and e + ◌́ equal.
typealias CodePoints = [Unicode.Scalar]

extension Unicode.Scalar {
  /// What `str.split` of Python takes for white space: Unicode's, and the four separators of ASCII.
  var isSpace: Bool {
    isASCII ? value == 32 || 9...13 ~= value || 28...31 ~= value : properties.isWhitespace
  }

  var isASCIIDigit: Bool { "0"..."9" ~= self }

  /// `string.punctuation` of Python.
  var isASCIIPunctuation: Bool {
    switch self {
    case "!"..."/", ":"..."@", "["..."`", "{"..."~": true
    default: false
    }
  }

  /// What `\w` of Python matches.
  var isWordCharacter: Bool {
    switch properties.generalCategory {
    case .uppercaseLetter, .lowercaseLetter, .titlecaseLetter, .modifierLetter, .otherLetter,
      .decimalNumber, .letterNumber, .otherNumber:
      true
    default: self == "_"
    }
  }
}

extension CodePoints {
  /// Split at white space, as `str.split` does.
  var words: [ArraySlice<Unicode.Scalar>] { split(whereSeparator: \.isSpace) }

  /// In lower case as by `str.lower`: full mappings, and the sigma that ends a word as ς.
  func lowercased() -> CodePoints {
    var lower = CodePoints()
    lower.reserveCapacity(count)
    for (index, scalar) in enumerated() {
      switch scalar {
      case "A"..."Z": lower.append(Unicode.Scalar(UInt8(scalar.value) + 32))
      case _ where scalar.isASCII: lower.append(scalar)
      case "Σ": lower.append(endsWord(at: index) ? "ς" : "σ")
      default: lower.append(contentsOf: scalar.properties.lowercaseMapping.unicodeScalars)
      }
    }
    return lower
  }

  /// Final_Sigma of the Unicode Standard, table 3-17: a cased letter stands before, and none after.
  private func endsWord(at index: Int) -> Bool {
    let before = self[..<index].last { !$0.properties.isCaseIgnorable }
    let after = self[(index + 1)...].first { !$0.properties.isCaseIgnorable }
    return before?.properties.isCased == true && after?.properties.isCased != true
  }
}
