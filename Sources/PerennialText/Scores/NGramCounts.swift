/// How often each n-gram of one order occurs.
struct NGramCounts<Element: Hashable> {
  private(set) var counts: [ArraySlice<Element>: Int] = [:]

  init(_ sequence: [Element], order: Int) {
    guard order <= sequence.count else { return }
    counts.reserveCapacity(sequence.count - order + 1)
    for start in 0...(sequence.count - order) { counts[sequence[start..<(start + order)], default: 0] += 1 }
  }

  /// All occurrences.
  var total: Int { counts.values.reduce(0, +) }

  /// Σ min(this count, the other's).
  func matches(_ other: NGramCounts) -> Int {
    counts.reduce(0) { $0 + min($1.value, other.counts[$1.key] ?? 0) }
  }

  /// The greater count of each n-gram.
  mutating func formMaximum(_ other: NGramCounts) { counts.merge(other.counts, uniquingKeysWith: max) }
}

/// A number for each different word, so that n-grams of words hash and compare quickly.
struct WordNumbers {
  private var numbers: [ArraySlice<Unicode.Scalar>: Int] = [:]

  mutating func callAsFunction(_ words: [ArraySlice<Unicode.Scalar>]) -> [Int] {
    words.map { word in
      if let number = numbers[word] { return number }
      numbers[word] = numbers.count
      return numbers.count - 1
    }
  }
}
