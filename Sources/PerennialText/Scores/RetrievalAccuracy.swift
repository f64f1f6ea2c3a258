import Perennial

/// How often what belongs to a query is among the k most similar candidates, and the mean of 1/rank.
///
/// Candidates as similar as the right one share its place: what random order among them gives on average, so that the
/// order of candidates makes no difference and equal scores for all earn no more than chance. Sun et al., A
/// Re-evaluation of Knowledge Graph Completion Methods, 2020, whose RANDOM protocol this is in expectation.
public struct RetrievalAccuracy: Sendable {
  /// The numbers of candidates that are looked at, in ascending order.
  public let cutoffs: [Int]
  /// How many queries were counted.
  public private(set) var queries = 0
  private var hits: [Double]
  private var reciprocalRanks = 0.0

  /// - Throws: `ScoreError.outOfRange` for a cutoff below 1.
  public init(cutoffs: [Int] = [1, 5, 10]) throws {
    for cutoff in cutoffs where cutoff < 1 {
      throw ScoreError.outOfRange(what: "the cutoff", value: "\(cutoff)", allowed: "1 and more")
    }
    self.cutoffs = Set(cutoffs).sorted()
    hits = [Double](repeating: 0, count: self.cutoffs.count)
  }

  /// Counts a query: its similarity to every candidate, `[C]`, and which of them belongs to it.
  /// - Throws: `ScoreError.outOfRange` when there is no such candidate, `ScoreError.notANumber`.
  public mutating func add<Score: BinaryFloatingPoint>(_ similarities: [Score], relevant: Int) throws {
    guard similarities.indices.contains(relevant) else {
      throw ScoreError.outOfRange(
        what: "the relevant candidate", value: "\(relevant)", allowed: "an index below \(similarities.count)")
    }
    if let index = similarities.firstIndex(where: \.isNaN) {
      throw ScoreError.notANumber(what: "the similarity of query \(queries + 1) to candidate \(index + 1)")
    }
    let score = similarities[relevant]
    add(
      better: similarities.count { $0 > score }, equal: similarities.count { $0 == score } - 1)
  }

  /// Counts a query by the score of what belongs to it and the scores of all others.
  /// - Throws: `ScoreError.notANumber`.
  public mutating func add<Score: BinaryFloatingPoint>(_ score: Score, against others: [Score]) throws {
    try add([score] + others, relevant: 0)
  }

  private mutating func add(better: Int, equal: Int) {
    queries += 1
    for (index, cutoff) in cutoffs.enumerated() {
      hits[index] += min(max(Double(cutoff - better) / Double(equal + 1), 0), 1)
    }
    let inverses = (better + 1...better + 1 + equal).reduce(0) { $0 + 1 / Double($1) }
    reciprocalRanks += inverses / Double(equal + 1)
  }

  /// The share of queries with the right candidate among the first `cutoff`, in [0, 1]; nil when nothing was counted,
  /// and for a cutoff that was not asked for.
  public func accuracy(at cutoff: Int) -> Double? {
    guard queries > 0, let index = cutoffs.firstIndex(of: cutoff) else { return nil }
    return hits[index] / Double(queries)
  }

  /// The mean of 1/rank, in (0, 1]; nil when nothing was counted.
  public var meanReciprocalRank: Double? { queries > 0 ? reciprocalRanks / Double(queries) : nil }
}
