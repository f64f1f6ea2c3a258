import Perennial

/// A score of texts against references. It gathers statistics item by item, so a corpus need not be in memory.
public protocol ReferenceScore: Sendable {
  /// Counts one text and what it could have been; the order of items makes no difference.
  /// - Throws: `ScoreError.noReferences` when there are none.
  mutating func add(_ hypothesis: String, references: [String]) throws
}

extension ReferenceScore {
  /// Counts one text that has one reference.
  public mutating func add(_ hypothesis: String, reference: String) throws {
    try add(hypothesis, references: [reference])
  }

  /// Counts many texts, `[N]`, with the references of each, `[N]`: all of them, or none when it throws.
  /// - Throws: `ScoreError.wrongLength` when the two differ in length, `ScoreError.noReferences`.
  public mutating func add(_ hypotheses: [String], references: [[String]]) throws {
    guard hypotheses.count == references.count else {
      throw ScoreError.wrongLength(
        what: "lists of references", expected: hypotheses.count, found: references.count)
    }
    var sum = self
    for (hypothesis, references) in zip(hypotheses, references) {
      try sum.add(hypothesis, references: references)
    }
    self = sum
  }
}

/// How many items were counted and how many references they had.
struct ItemCount: Sendable {
  private(set) var items = 0
  private var fewest = Int.max
  private var most = 0

  /// Counts an item.
  /// - Throws: `ScoreError.noReferences`.
  mutating func add(references: Int) throws {
    guard references > 0 else { throw ScoreError.noReferences(item: items + 1) }
    items += 1
    fewest = min(fewest, references)
    most = max(most, references)
  }

  /// The number of references as sacrebleu signs it: `var` where items differ.
  var signature: String { most > fewest ? "var" : "\(most)" }
}

/// The version of the scores in signatures. Raise it when any text would score differently.
let scoreVersion = "perennial-1"
