import Perennial

/// Exact match and F1 over words of short answers, as SQuAD scores them.
///
/// Rajpurkar et al., SQuAD, 2016; SQuAD 2.0, 2018. Case, the punctuation of ASCII, the articles a, an and the, and the
/// amount of white space make no difference. Of several answers the best counts. A question without an answer has the
/// reference ""; it is met by an empty text alone, with both scores 1.
public struct AnswerMatch: ReferenceScore {
  private var count = ItemCount()
  private var exact = 0
  private var sum = 0.0

  public init() {}

  public mutating func add(_ hypothesis: String, references: [String]) throws {
    try count.add(references: references.count)
    let score = try Self.item(hypothesis, references: references)
    exact += score.isExact ? 1 : 0
    sum += score.f1
  }

  /// The share of texts equal to an answer, in [0, 1]; nil when nothing was counted.
  public var exactMatch: Double? { count.items > 0 ? Double(exact) / Double(count.items) : nil }

  /// The mean F1, in [0, 1]; nil when nothing was counted.
  public var f1: Double? { count.items > 0 ? sum / Double(count.items) : nil }

  /// The scores of one text by itself.
  /// - Throws: `ScoreError.noReferences` when there are none.
  public static func item(_ hypothesis: String, references: [String]) throws -> (isExact: Bool, f1: Double) {
    if references.isEmpty { throw ScoreError.noReferences(item: 1) }
    let predicted = words(hypothesis)
    // As in SQuAD 2.0, an answer of which nothing is left counts only where there is no other.
    let answers = references.map(words).filter { !$0.isEmpty }
    let expected = answers.isEmpty ? [[]] : answers
    return (expected.contains(predicted), expected.map { f1(predicted, $0) }.max() ?? 0)
  }

  private static func f1(_ predicted: [CodePoints], _ expected: [CodePoints]) -> Double {
    if predicted.isEmpty || expected.isEmpty { return predicted == expected ? 1 : 0 }
    let matches = NGramCounts(predicted, order: 1).matches(NGramCounts(expected, order: 1))
    return OverlapScore(matches: matches, predicted: predicted.count, expected: expected.count).fMeasure
  }

  /// What is left of a text to compare.
  static func words(_ text: String) -> [CodePoints] {
    var rest = Array(text.unicodeScalars).lowercased().filter { !$0.isASCIIPunctuation }[...]
    var kept = CodePoints()
    while let first = rest.first {
      let isWord = first.isWordCharacter
      let run = rest.prefix { $0.isWordCharacter == isWord }
      kept += isWord && articles.contains(Array(run)) ? [" "] : run
      rest = rest.dropFirst(run.count)
    }
    return kept.words.map(Array.init)
  }

  private static let articles: Set<CodePoints> = [["a"], ["a", "n"], ["t", "h", "e"]]
}
