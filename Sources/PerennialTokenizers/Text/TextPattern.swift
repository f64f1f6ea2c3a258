import Foundation

/// What a `Split` or `Replace` looks for: a string, a well-known expression scanned by hand, or any other expression.
enum TextPattern: Sendable {
  case string([UInt8])
  case scanner(WordScanner)
  /// ICU's syntax, which differs from Oniguruma's only in rare corners.
  case expression(NSRegularExpression)

  /// Reads `{"String": …}` or `{"Regex": …}`.
  init(_ node: JSONNode) throws {
    if let string = try node.optional("String") {
      self = .string(Array(try string.string().utf8))
      return
    }
    let place = try node.required("Regex")
    let pattern = try place.string()
    if let scanner = WordScanner(pattern: pattern) {
      self = .scanner(scanner)
      return
    }
    do {
      self = .expression(try NSRegularExpression(pattern: pattern))
    } catch {
      throw TokenizerError.invalidPattern(
        file: place.file, key: place.key, pattern: pattern, reason: error.localizedDescription)
    }
  }

  /// Reports all of the text in order: the pieces that match and those between them.
  func forEachPiece(of text: ByteText, _ body: (Range<Int>, Bool) -> Void) {
    switch self {
    case .string(let pattern): Self.forEachPiece(of: text, pattern: pattern, body)
    case .scanner(let scanner):
      var start = 0
      while start < text.count {
        let end = scanner.end(of: text, from: start)
        body(start..<end, true)
        start = end
      }
    case .expression(let expression): Self.forEachPiece(of: text, expression: expression, body)
    }
  }

  private static func forEachPiece(of text: ByteText, pattern: [UInt8], _ body: (Range<Int>, Bool) -> Void) {
    guard let first = pattern.first else { return body(0..<text.count, false) }
    var start = 0
    var index = 0
    while index < text.count {
      guard text[index] == first, text.starts(with: pattern, at: index) else {
        index += 1
        continue
      }
      if start < index { body(start..<index, false) }
      body(index..<index + pattern.count, true)
      index += pattern.count
      start = index
    }
    if start < text.count { body(start..<text.count, false) }
  }

  private static func forEachPiece(
    of text: ByteText, expression: NSRegularExpression, _ body: (Range<Int>, Bool) -> Void
  ) {
    let string = String(decoding: text, as: UTF8.self)
    let whole = NSRange(location: 0, length: string.utf16.count)
    // Byte and UTF-16 positions move forward together.
    var byte = 0
    var unit = 0
    func byteIndex(_ target: Int) -> Int {
      while unit < target, byte < text.count {
        let length = text.scalarLength(at: byte)
        byte += length
        unit += length == 4 ? 2 : 1
      }
      return byte
    }
    var start = 0
    for match in expression.matches(in: string, range: whole) {
      let lower = byteIndex(match.range.location)
      let upper = byteIndex(match.range.location + match.range.length)
      if start < lower { body(start..<lower, false) }
      body(lower..<upper, true)
      start = upper
    }
    if start < text.count { body(start..<text.count, false) }
  }
}
