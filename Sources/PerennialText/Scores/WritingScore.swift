import Perennial

/// A score of a corpus that is made of sums over its texts, so that parts of it can be counted apart.
protocol SummedScore: ReferenceScore {
  /// What the texts counted so far come to.
  var sums: [Double] { get }
  /// The score of a corpus with these sums, in [0, 1].
  func share(of sums: [Double]) -> Double
}

/// How what is written is judged, by its name in recipes.
public enum WritingScore: String, CaseIterable, Codable, Sendable {
  /// sacrebleu's, of words (`tok:13a`, cased).
  case bleu
  /// sacrebleu's chrF2, of characters.
  case chrf
  /// The F-measure of the longest common subsequence of words, as `rouge-score` has it.
  case rougeL = "rouge-l"
  /// As SQuAD has it.
  case exactMatch = "exact-match"
  /// F1 over words, as SQuAD has it.
  case wordF1 = "word-f1"

  var kind: ScoreKind {
    switch self {
    case .bleu: .bleu
    case .chrf: .chrf
    case .rougeL: .rougeL
    case .exactMatch: .exactMatch
    case .wordF1: .wordF1
    }
  }

  func make() throws -> any SummedScore {
    switch self {
    case .bleu: return try BLEU()
    case .chrf: return try ChrF()
    case .rougeL:
      let rouge = try ROUGE([.longestCommonSubsequence])
      return MeanScore { try rouge.item($0, references: $1)[.longestCommonSubsequence]?.fMeasure ?? 0 }
    case .exactMatch: return MeanScore { try AnswerMatch.item($0, references: $1).isExact ? 1 : 0 }
    case .wordF1: return MeanScore { try AnswerMatch.item($0, references: $1).f1 }
    }
  }
}

/// The mean over texts of a score that each has by itself.
private struct MeanScore: SummedScore {
  let item: @Sendable (String, [String]) throws -> Double
  private(set) var sums = [0.0, 0.0]

  init(_ item: @escaping @Sendable (String, [String]) throws -> Double) { self.item = item }

  mutating func add(_ hypothesis: String, references: [String]) throws {
    sums[0] += try item(hypothesis, references)
    sums[1] += 1
  }

  func share(of sums: [Double]) -> Double { sums[0] / max(sums[1], 1) }
}
