/// The expressions that language models split text with, scanned by hand: each match starts where the last ended, and
/// together they cover the text.
struct WordScanner: Sendable, Equatable {
  private enum Kind: Sendable, Equatable {
    case gpt2
    /// Llama 3 and Qwen 2, which differ in how many digits stay together.
    case caseless(digits: Int)
  }

  private let kind: Kind
  private let classes = CharacterClasses.shared

  static func == (left: WordScanner, right: WordScanner) -> Bool { left.kind == right.kind }

  static let gpt2 = WordScanner(kind: .gpt2)

  static let gpt2Pattern =
    #"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"#
  static let llama3Pattern =
    #"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"#
  static let qwen2Pattern =
    #"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"#

  private init(kind: Kind) { self.kind = kind }

  /// Nil when the pattern is none of the known texts.
  init?(pattern: String) {
    switch pattern {
    case Self.gpt2Pattern: self.init(kind: .gpt2)
    case Self.llama3Pattern: self.init(kind: .caseless(digits: 3))
    case Self.qwen2Pattern: self.init(kind: .caseless(digits: 1))
    default: return nil
    }
  }

  /// Where the match that starts at `start` ends; always behind `start`.
  @inline(__always)
  func end(of text: ByteText, from start: Int) -> Int {
    switch kind {
    case .gpt2: endGPT2(text, start)
    case .caseless(let digits): endCaseless(text, start, digits: digits)
    }
  }

  @inline(__always)
  private func endGPT2(_ text: ByteText, _ start: Int) -> Int {
    let first = text[start]
    if first == UInt8(ascii: "'"), let end = contraction(text, start, ignoringCase: false) { return end }
    let begin = first == UInt8(ascii: " ") ? start + 1 : start
    if begin < text.count {
      let (kind, length) = kind(text, begin)
      if kind != .space { return run(text, begin + length, of: kind) }
    }
    return spaces(text, start)
  }

  @inline(__always)
  private func endCaseless(_ text: ByteText, _ start: Int, digits: Int) -> Int {
    let first = text[start]
    if first == UInt8(ascii: "'"), let end = contraction(text, start, ignoringCase: true) { return end }
    let (firstKind, length) = kind(text, start)
    let second = start + length
    switch firstKind {
    case .letter: return run(text, second, of: .letter)
    case .number:
      var end = second
      var count = 1
      while count < digits, end < text.count {
        let (kind, length) = kind(text, end)
        guard kind == .number else { break }
        end += length
        count += 1
      }
      return end
    case .space, .rest:
      let isLineBreak = first == 0x0a || first == 0x0d
      if !isLineBreak, second < text.count, kind(text, second).kind == .letter {
        return run(text, second, of: .letter)
      }
      if firstKind == .rest { return lineBreaks(text, run(text, second, of: .rest)) }
      if first == UInt8(ascii: " "), second < text.count, kind(text, second).kind == .rest {
        return lineBreaks(text, run(text, second, of: .rest))
      }
      return spacesWithLineBreaks(text, start)
    }
  }

  private enum ScalarKind { case letter, number, space, rest }

  @inline(__always)
  private func kind(_ text: ByteText, _ index: Int) -> (kind: ScalarKind, length: Int) {
    let (scalar, length) = text.scalar(at: index)
    let found = classes[scalar]
    if found.contains(.letter) { return (.letter, length) }
    if found.contains(.space) { return (.space, length) }
    return (found.contains(.number) ? .number : .rest, length)
  }

  @inline(__always)
  private func run(_ text: ByteText, _ start: Int, of wanted: ScalarKind) -> Int {
    var end = start
    while end < text.count {
      let (kind, length) = kind(text, end)
      guard kind == wanted else { break }
      end += length
    }
    return end
  }

  private func lineBreaks(_ text: ByteText, _ start: Int) -> Int {
    var end = start
    while end < text.count, text[end] == 0x0a || text[end] == 0x0d { end += 1 }
    return end
  }

  /// `\s+(?!\S)|\s+`: a run leaves its last space to the word behind it.
  private func spaces(_ text: ByteText, _ start: Int) -> Int {
    let end = run(text, start, of: .space)
    guard end < text.count else { return end }
    let last = text.scalarStart(before: end)
    return last > start ? last : end
  }

  /// `\s*[\r\n]+|\s+(?!\S)|\s+`: a run is cut behind its last line break.
  private func spacesWithLineBreaks(_ text: ByteText, _ start: Int) -> Int {
    let end = run(text, start, of: .space)
    var index = end
    while index > start {
      if text[index - 1] == 0x0a || text[index - 1] == 0x0d { return index }
      index -= 1
    }
    return spaces(text, start)
  }

  private func contraction(_ text: ByteText, _ start: Int, ignoringCase: Bool) -> Int? {
    guard start + 1 < text.count else { return nil }
    let fold: UInt8 = ignoringCase ? 0x20 : 0
    switch text[start + 1] | fold {
    case UInt8(ascii: "s"), UInt8(ascii: "t"), UInt8(ascii: "m"), UInt8(ascii: "d"): return start + 2
    case 0xc5 | fold:
      // Long s, which folds to s.
      let isLongS = ignoringCase && text[start + 1] == 0xc5 && text[start + 2] == 0xbf
      return isLongS ? start + 3 : nil
    default: break
    }
    guard start + 2 < text.count else { return nil }
    switch (text[start + 1] | fold, text[start + 2] | fold) {
    case (UInt8(ascii: "r"), UInt8(ascii: "e")), (UInt8(ascii: "v"), UInt8(ascii: "e")),
      (UInt8(ascii: "l"), UInt8(ascii: "l")):
      return start + 3
    default: return nil
    }
  }
}
