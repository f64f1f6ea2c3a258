/// Takes endings off English words: Porter, An Algorithm for Suffix Stripping, 1980, with the extensions of NLTK,
/// which `rouge-score` uses. Words are lower-case ASCII.
enum PorterStemmer {
  typealias Word = ArraySlice<UInt8>

  static func stem(_ word: [UInt8]) -> [UInt8] {
    if let known = irregular[word] { return known }
    guard word.count > 2 else { return word }
    return Array(step5b(step5a(step4(step3(step2(step1c(step1b(step1a(word[...])))))))))
  }

  private static let irregular: [[UInt8]: [UInt8]] = Dictionary(
    uniqueKeysWithValues: [
      ("sky", "sky"), ("skies", "sky"), ("dying", "die"), ("lying", "lie"), ("tying", "tie"),
      ("news", "news"),
      ("innings", "inning"), ("inning", "inning"), ("outings", "outing"), ("outing", "outing"),
      ("cannings", "canning"), ("canning", "canning"), ("howe", "howe"), ("proceed", "proceed"),
      ("exceed", "exceed"), ("succeed", "succeed"),
    ].map { (Array($0.utf8), Array($1.utf8)) })

  // MARK: Steps

  private static func step1a(_ word: Word) -> Word {
    if word.count == 4, word.ends("ies") { return word.dropLast() }
    return apply([("sses", "ss"), ("ies", "i"), ("ss", "ss"), ("s", "")], to: word) { _ in true }
  }

  private static func step1b(_ word: Word) -> Word {
    if word.ends("ied") { return word.dropLast(word.count == 4 ? 1 : 2) }
    if word.ends("eed") { return measure(word.dropLast(3)) > 0 ? word.dropLast() : word }
    guard
      let ending = ["ed", "ing"].first(where: { word.ends($0) && hasVowel(word.dropLast($0.utf8.count)) })
    else { return word }
    let stem = word.dropLast(ending.utf8.count)
    if stem.ends("at") || stem.ends("bl") || stem.ends("iz") { return stem + "e".utf8 }
    if endsDoubleConsonant(stem) {
      return stem.ends("l") || stem.ends("s") || stem.ends("z") ? stem : stem.dropLast()
    }
    return measure(stem) == 1 && endsConsonantVowelConsonant(stem) ? stem + "e".utf8 : stem
  }

  private static func step1c(_ word: Word) -> Word {
    let stem = word.dropLast()
    return word.ends("y") && stem.count > 1 && isConsonant(stem).last == true ? stem + "i".utf8 : word
  }

  private static func step2(_ word: Word) -> Word {
    if word.ends("alli"), measure(word.dropLast(4)) > 0 { return step2(word.dropLast(2)) }
    if word.ends("logi") { return measure(word.dropLast(3)) > 0 ? word.dropLast() : word }
    return apply(
      [
        ("ational", "ate"), ("tional", "tion"), ("enci", "ence"), ("anci", "ance"), ("izer", "ize"),
        ("bli", "ble"), ("alli", "al"), ("entli", "ent"), ("eli", "e"), ("ousli", "ous"), ("ization", "ize"),
        ("ation", "ate"), ("ator", "ate"), ("alism", "al"), ("iveness", "ive"), ("fulness", "ful"),
        ("ousness", "ous"), ("aliti", "al"), ("iviti", "ive"), ("biliti", "ble"), ("fulli", "ful"),
      ], to: word
    ) { measure($0) > 0 }
  }

  private static func step3(_ word: Word) -> Word {
    apply(
      [
        ("icate", "ic"), ("ative", ""), ("alize", "al"), ("iciti", "ic"), ("ical", "ic"), ("ful", ""),
        ("ness", ""),
      ], to: word
    ) { measure($0) > 0 }
  }

  private static func step4(_ word: Word) -> Word {
    if word.ends("ion") {
      let stem = word.dropLast(3)
      return measure(stem) > 1 && (stem.ends("s") || stem.ends("t")) ? stem : word
    }
    let endings = [
      "al", "ance", "ence", "er", "ic", "able", "ible", "ant", "ement", "ment", "ent", "ou", "ism", "ate",
      "iti",
      "ous", "ive", "ize",
    ]
    return apply(endings.map { ($0, "") }, to: word) { measure($0) > 1 }
  }

  private static func step5a(_ word: Word) -> Word {
    guard word.ends("e") else { return word }
    let stem = word.dropLast()
    let measure = measure(stem)
    return measure > 1 || measure == 1 && !endsConsonantVowelConsonant(stem) ? stem : word
  }

  private static func step5b(_ word: Word) -> Word {
    word.ends("ll") && measure(word.dropLast()) > 1 ? word.dropLast() : word
  }

  /// The first ending that fits decides, even where the stem does not satisfy the condition.
  private static func apply(_ rules: [(String, String)], to word: Word, where condition: (Word) -> Bool)
    -> Word
  {
    guard let (ending, replacement) = rules.first(where: { word.ends($0.0) }) else { return word }
    let stem = word.dropLast(ending.utf8.count)
    return condition(stem) ? stem + replacement.utf8 : word
  }

  // MARK: Conditions

  /// Whether each letter is a consonant; y is one unless it follows one.
  private static func isConsonant(_ word: Word) -> [Bool] {
    word.reduce(into: []) { flags, letter in
      switch letter {
      case UInt8(ascii: "a"), UInt8(ascii: "e"), UInt8(ascii: "i"), UInt8(ascii: "o"), UInt8(ascii: "u"):
        flags.append(false)
      case UInt8(ascii: "y"): flags.append(flags.last != true)
      default: flags.append(true)
      }
    }
  }

  /// How often a consonant follows a vowel.
  private static func measure(_ word: Word) -> Int {
    let flags = isConsonant(word)
    return zip(flags, flags.dropFirst()).count { !$0 && $1 }
  }

  private static func hasVowel(_ word: Word) -> Bool { isConsonant(word).contains(false) }

  private static func endsDoubleConsonant(_ word: Word) -> Bool {
    word.count >= 2 && word.last == word.dropLast().last && isConsonant(word).last == true
  }

  private static func endsConsonantVowelConsonant(_ word: Word) -> Bool {
    let flags = isConsonant(word)
    if flags.count == 2 { return flags == [false, true] }
    return flags.suffix(3) == [true, false, true] && !word.ends("w") && !word.ends("x") && !word.ends("y")
  }
}

extension ArraySlice<UInt8> {
  fileprivate func ends(_ ending: String) -> Bool {
    count >= ending.utf8.count && suffix(ending.utf8.count).elementsEqual(ending.utf8)
  }
}
