/// A stretch of normalized text and the words it is cut into so far.
struct Pieces {
  var text: AlignedText
  /// Ranges of `text.bytes`, in order, none of them empty.
  var words: [Range<Int>]
  /// True when the stretch is not preceded by anything in the original.
  let isFirst: Bool

  init(text: AlignedText, isFirst: Bool) {
    words = text.isEmpty ? [] : [0..<text.bytes.count]
    self.text = text
    self.isFirst = isFirst
  }

  /// Cuts each word into what `body` appends for it. Ranges count from the start of the whole text.
  @inline(__always)
  mutating func split(_ body: (ByteText, Range<Int>, inout [Range<Int>]) -> Void) {
    var result: [Range<Int>] = []
    text.bytes.withUnsafeBufferPointer { bytes in
      result.reserveCapacity(max(words.count, bytes.count / 4))
      for word in words { body(bytes, word, &result) }
    }
    words = result
  }

  mutating func split(on pattern: TextPattern, _ behavior: SplitBehavior, isInverted: Bool) {
    if case .scanner(let scanner) = pattern, behavior == .isolated || (behavior == .removed && isInverted) {
      return split(with: scanner)
    }
    split { bytes, word, result in
      var builder = WordBuilder(behavior, start: word.lowerBound)
      pattern.forEachPiece(of: bytes[slice: word]) { piece, isMatch in
        builder.add(piece, isMatch: isMatch != isInverted, to: &result)
      }
      builder.finish(&result)
    }
  }

  mutating func split(with scanner: WordScanner) {
    split { bytes, word, result in
      let slice = bytes[slice: word]
      var start = 0
      while start < slice.count {
        let end = scanner.end(of: slice, from: start)
        result.append(word.lowerBound + start..<word.lowerBound + end)
        start = end
      }
    }
  }

  /// Every scalar of a kind is a match of its own.
  @inline(__always)
  mutating func split(on isMatch: (UInt32) -> Bool, _ behavior: SplitBehavior) {
    split { bytes, word, result in
      var builder = WordBuilder(behavior, start: 0)
      var start = word.lowerBound
      var index = start
      while index < word.upperBound {
        let (scalar, length) = bytes.scalar(at: index)
        if isMatch(scalar) {
          if start < index { builder.add(start..<index, isMatch: false, to: &result) }
          builder.add(index..<index + length, isMatch: true, to: &result)
          start = index + length
        }
        index += length
      }
      if start < index { builder.add(start..<index, isMatch: false, to: &result) }
      builder.finish(&result)
    }
  }

  /// Rebuilds the text word by word.
  mutating func rewrite(_ body: (ByteText, Range<Int>, borrowing AlignedText, inout AlignedText) -> Void) {
    var result = AlignedText(isTracked: text.isTracked)
    var ranges: [Range<Int>] = []
    text.bytes.withUnsafeBufferPointer { bytes in
      for word in words {
        let start = result.bytes.count
        body(bytes, word, text, &result)
        if result.bytes.count > start { ranges.append(start..<result.bytes.count) }
      }
    }
    text = result
    words = ranges
  }
}
