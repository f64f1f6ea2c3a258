/// Learns merges: the most frequent pair of neighbours becomes a token, again and again (Sennrich et al. 2016). Ties go
/// to the pair of lower ids, as in Hugging Face's trainer.
struct MergeTrainer {
  struct Result {
    var tokens: [[UInt8]]
    /// Pairs of ids in the order in which they were merged.
    var merges: [(left: Int32, right: Int32)]
  }

  private let size: Int
  private let minimumFrequency: Int
  /// Written before every character but the first, and not part of what a merge joins.
  private let prefix: [UInt8]

  private var tokens: [[UInt8]] = []
  private var ids = ByteTable()

  init(size: Int, minimumFrequency: Int, prefix: String = "") {
    self.size = size
    self.minimumFrequency = minimumFrequency
    self.prefix = Array(prefix.utf8)
  }

  /// - Parameters:
  ///   - specialTokens: come first in the vocabulary.
  ///   - alphabet: characters that are in it whether they occur or not.
  mutating func train(_ corpus: WordCounts, specialTokens: [String], alphabet: [UInt32] = []) throws -> Result
  {
    for token in specialTokens { _ = id(of: Array(token.utf8)) }
    addAlphabet(corpus, alphabet)
    guard tokens.count <= size else {
      throw TokenizerError.vocabularyTooSmall(asked: size, needed: tokens.count)
    }
    var words: [[Int32]] = []
    for word in corpus.words { words.append(spell(word)) }
    var pairs = PairCounts()
    for (index, word) in words.enumerated() {
      for (left, right) in zip(word, word.dropFirst()) {
        pairs.add(.init(left, right), corpus.counts[index], word: index)
      }
    }
    pairs.enqueue()
    var merges: [(left: Int32, right: Int32)] = []
    while tokens.count < size, let top = pairs.next(), top.count >= max(minimumFrequency, 1) {
      let (left, right) = (top.pair.left, top.pair.right)
      var tail = tokens[Int(right)][...]
      if tail.starts(with: prefix) { tail = tail.dropFirst(prefix.count) }
      let joined = id(of: tokens[Int(left)] + tail)
      merges.append((left, right))
      for index in top.words {
        Self.merge(&words[index], top.pair, into: joined, count: corpus.counts[index]) { pair, change in
          pairs.add(pair, change, word: index)
        }
      }
      pairs.enqueue()
    }
    return Result(tokens: tokens, merges: merges)
  }

  private mutating func id(of token: [UInt8]) -> Int32 {
    if let found = token.withUnsafeBufferPointer({ ids.insert($0, Int32(tokens.count)) }) { return found }
    tokens.append(token)
    return Int32(tokens.count - 1)
  }

  private mutating func addAlphabet(_ corpus: WordCounts, _ alphabet: [UInt32]) {
    var scalars = Set(alphabet)
    for word in corpus.words {
      word.withUnsafeBufferPointer { $0.forEachScalar { scalar, _ in scalars.insert(scalar) } }
    }
    for scalar in scalars.sorted() {
      var token: [UInt8] = []
      token.append(scalar: scalar)
      _ = id(of: token)
    }
  }

  private mutating func spell(_ word: [UInt8]) -> [Int32] {
    var symbols: [Int32] = []
    var start = 0
    while start < word.count {
      let end = start + word.withUnsafeBufferPointer { $0.scalarLength(at: start) }
      symbols.append(id(of: start == 0 ? Array(word[..<end]) : prefix + word[start..<end]))
      start = end
    }
    return symbols
  }

  /// Merges a pair wherever it stands in a word, from left to right, and reports how the counts of its neighbours
  /// change.
  private static func merge(
    _ word: inout [Int32], _ pair: PairCounts.Pair, into joined: Int32, count: Int,
    _ report: (PairCounts.Pair, Int) -> Void
  ) {
    var result: [Int32] = []
    result.reserveCapacity(word.count)
    var index = 0
    while index < word.count {
      guard word[index] == pair.left, index + 1 < word.count, word[index + 1] == pair.right else {
        result.append(word[index])
        index += 1
        continue
      }
      if let previous = result.last {
        report(.init(previous, pair.left), -count)
        report(.init(previous, joined), count)
      }
      if index + 2 < word.count {
        report(.init(pair.right, word[index + 2]), -count)
        report(.init(joined, word[index + 2]), count)
      }
      result.append(joined)
      index += 2
    }
    word = result
  }
}
