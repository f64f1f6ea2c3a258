/// What normalizers and pre-tokenizers ask about a scalar.
struct CharacterClass: OptionSet, Sendable {
  let rawValue: UInt16

  /// `\p{L}`, `\p{N}`, and the Unicode property White_Space.
  static let letter = CharacterClass(rawValue: 1)
  static let number = CharacterClass(rawValue: 2)
  static let space = CharacterClass(rawValue: 4)
  /// `\p{P}` of Unicode 8, or ASCII punctuation such as `$`.
  static let punctuation = CharacterClass(rawValue: 8)
  /// Control, format and private-use characters of Unicode 8.
  static let other = CharacterClass(rawValue: 16)
  /// `\p{Mn}` of Unicode 8, and `\p{M}` of Unicode 9.
  static let nonspacingMark = CharacterClass(rawValue: 32)
  static let mark = CharacterClass(rawValue: 64)
  /// `\w` of Unicode regular expressions: alphabetic, marks, digits, connectors, joiners.
  static let word = CharacterClass(rawValue: 128)
  /// The blocks of Chinese characters that BERT isolates.
  static let chinese = CharacterClass(rawValue: 256)

  init(rawValue: UInt16) { self.rawValue = rawValue }

  init(_ value: UInt32) {
    guard let scalar = Unicode.Scalar(value) else {
      self = .other
      return
    }
    let properties = scalar.properties
    var flags: CharacterClass = []
    switch properties.generalCategory {
    case .uppercaseLetter, .lowercaseLetter, .titlecaseLetter, .modifierLetter, .otherLetter:
      flags = [.letter, .word]
    case .decimalNumber: flags = [.number, .word]
    case .letterNumber: flags = [.number, .word]
    case .otherNumber: flags = .number
    case .otherSymbol: flags = properties.isAlphabetic ? .word : []
    case .spaceSeparator, .lineSeparator, .paragraphSeparator: flags = .space
    case .connectorPunctuation: flags = [.punctuation, .word]
    case .dashPunctuation, .openPunctuation, .closePunctuation, .initialPunctuation, .finalPunctuation,
      .otherPunctuation:
      flags = .punctuation
    case .control, .format, .surrogate, .privateUse: flags = .other
    case .nonspacingMark: flags = [.nonspacingMark, .mark, .word]
    case .spacingMark, .enclosingMark: flags = [.mark, .word]
    default: break
    }
    switch value {
    case 0x09...0x0d, 0x85: flags.insert(.space)
    case 0x200c, 0x200d: flags.insert(.word)
    default: break
    }
    if !flags.isDisjoint(with: [.punctuation, .other, .mark]) {
      // The reference library's tables are older than its regular expressions.
      if !properties.isAsOld(as: (8, 0)) { flags.subtract([.punctuation, .other, .nonspacingMark]) }
      if !properties.isAsOld(as: (9, 0)) { flags.remove(.mark) }
    }
    flags.formSymmetricDifference(Self.reclassified[value] ?? [])
    if value > 0x20, value < 0x7f, !flags.contains(.letter), !flags.contains(.number) {
      flags.insert(.punctuation)
    }
    if Self.isChinese(value) { flags.insert(.chinese) }
    self = flags
  }

  /// What later versions of Unicode changed about scalars that were there.
  private static let reclassified: [UInt32: CharacterClass] = [
    0x166d: .punctuation, 0x1734: .nonspacingMark, 0x1885: .nonspacingMark, 0x1886: .nonspacingMark,
    0x1cf2: .mark, 0x1cf3: .mark, 0xa9bd: .nonspacingMark, 0x111c9: [.punctuation, .nonspacingMark, .mark],
    0x1171e: .nonspacingMark,
  ]

  private static func isChinese(_ value: UInt32) -> Bool {
    switch value {
    case 0x4e00...0x9fff, 0x3400...0x4dbf, 0x20000...0x2a6df, 0x2a700...0x2b73f, 0x2b740...0x2b81f,
      0x2b920...0x2ceaf, 0xf900...0xfaff, 0x2f800...0x2fa1f:
      true
    default: false
    }
  }
}

extension Unicode.Scalar.Properties {
  /// Whether a version of Unicode had the scalar already.
  func isAsOld(as version: Unicode.Version) -> Bool {
    guard let age else { return false }
    return age <= version
  }
}

/// The classes of the first two planes in a table; others are asked of the standard library.
struct CharacterClasses: @unchecked Sendable {
  static let shared = CharacterClasses()

  private static let tabled = 0x20000
  /// Written once, never freed.
  private let table: UnsafePointer<CharacterClass>

  private init() {
    let table = UnsafeMutablePointer<CharacterClass>.allocate(capacity: Self.tabled)
    for value in 0..<Self.tabled { (table + value).initialize(to: CharacterClass(UInt32(value))) }
    self.table = UnsafePointer(table)
  }

  @inline(__always)
  subscript(value: UInt32) -> CharacterClass {
    value < Self.tabled ? table[Int(value)] : CharacterClass(value)
  }
}
