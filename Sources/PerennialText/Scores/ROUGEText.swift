/// The words of a text for ROUGE, as numbers, line by line.
struct ROUGEText {
  private let lines: [[Int]]
  private let words: [Int]

  init(_ text: String, stems: Bool, _ numbers: inout WordNumbers) {
    // No word spans two lines, since a line break is no letter.
    lines = text.unicodeScalars.split(separator: "\n").map { numbers(Self.words(Array($0), stems: stems)) }
    words = Array(lines.joined())
  }

  private static func words(_ line: CodePoints, stems: Bool) -> [ArraySlice<Unicode.Scalar>] {
    let words = line.lowercased().split { !("a"..."z" ~= $0 || $0.isASCIIDigit) }
    guard stems else { return words }
    return words.map { word in
      word.count > 3
        ? ArraySlice(PorterStemmer.stem(word.map { UInt8($0.value) }).map { Unicode.Scalar($0) }) : word
    }
  }

  /// How well this text does against a reference.
  func score(_ variant: ROUGE.Variant, _ reference: ROUGEText) -> OverlapScore {
    switch variant {
    case .grams(let order):
      let (predicted, expected) = (
        NGramCounts(words, order: order), NGramCounts(reference.words, order: order)
      )
      return OverlapScore(
        matches: predicted.matches(expected), predicted: predicted.total, expected: expected.total)
    case .longestCommonSubsequence:
      let matches = CommonSubsequence.length(words, reference.words)
      return OverlapScore(matches: matches, predicted: words.count, expected: reference.words.count)
    case .summary:
      return OverlapScore(
        matches: summaryMatches(reference), predicted: words.count, expected: reference.words.count)
    }
  }

  /// Words of the reference's lines that stand in a longest common subsequence with some line of this text, each
  /// counted as often as both texts have it.
  private func summaryMatches(_ reference: ROUGEText) -> Int {
    var left = NGramCounts(words, order: 1).counts
    var matches = 0
    for line in reference.lines {
      let shared = lines.reduce(into: Set<Int>()) {
        $0.formUnion(CommonSubsequence.positions(in: line, with: $1))
      }
      for position in shared {
        let word = line[position...position]
        guard let count = left[word], count > 0 else { continue }
        left[word] = count - 1
        matches += 1
      }
    }
    return matches
  }
}

/// Longest common subsequences by dynamic programming.
enum CommonSubsequence {
  static func length(_ one: [Int], _ other: [Int]) -> Int {
    var row = [Int](repeating: 0, count: other.count + 1)
    for word in one {
      var diagonal = 0
      for (column, candidate) in other.enumerated() {
        let above = row[column + 1]
        row[column + 1] = word == candidate ? diagonal + 1 : max(above, row[column])
        diagonal = above
      }
    }
    return row[other.count]
  }

  /// Where in a reference one longest subsequence stands: of several, the one that `rouge-score` finds.
  static func positions(in reference: [Int], with candidate: [Int]) -> [Int] {
    let width = candidate.count + 1
    var lengths = [Int32](repeating: 0, count: (reference.count + 1) * width)
    for (row, word) in reference.enumerated() {
      for (column, other) in candidate.enumerated() {
        let here = (row + 1) * width + column + 1
        lengths[here] =
          word == other ? lengths[here - width - 1] + 1 : max(lengths[here - width], lengths[here - 1])
      }
    }
    var (row, column) = (reference.count, candidate.count)
    var positions: [Int] = []
    while row > 0, column > 0 {
      let here = row * width + column
      if reference[row - 1] == candidate[column - 1] {
        positions.append(row - 1)
        row -= 1
        column -= 1
      } else if lengths[here - 1] > lengths[here - width] {
        column -= 1
      } else {
        row -= 1
      }
    }
    return positions
  }
}
