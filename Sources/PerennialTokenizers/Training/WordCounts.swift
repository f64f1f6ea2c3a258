/// How often each word occurs, in the order of first appearance.
struct WordCounts {
  private var table = ByteTable()
  private(set) var words: [[UInt8]] = []
  private(set) var counts: [Int] = []

  mutating func add(_ word: ByteText) {
    if let index = table.insert(word, Int32(words.count)) {
      counts[Int(index)] += 1
    } else {
      words.append(Array(word))
      counts.append(1)
    }
  }

  /// Counts the words that normalizer and pre-tokenizer make of the texts.
  init(_ texts: some Sequence<String>, normalizer: Normalizer?, steps: [PreTokenizer]) {
    for text in texts {
      var text = text
      var aligned = text.withUTF8 { AlignedText($0, start: 0, isTracked: false) }
      normalizer?.apply(to: &aligned)
      var pieces = Pieces(text: aligned, isFirst: true)
      for step in steps { step.apply(to: &pieces) }
      pieces.text.bytes.withUnsafeBufferPointer { bytes in
        for word in pieces.words { add(bytes[slice: word]) }
      }
    }
  }
}
