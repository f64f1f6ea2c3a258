/// What a student took over from its teachers.
public struct TransferRecord: Codable, Equatable, Sendable {
  /// A student beside one of its teachers, on the same test examples.
  public struct Comparison: Codable, Equatable, Sendable {
    public let teacher: String
    /// The share of the examples on which both give the same answer.
    public let agreement: Double
    /// The same by the true class of the examples.
    public let agreementByClass: [Int: Double]
    /// By the true class, the share of what the teacher answers right that the student answers right too.
    public let retentionByClass: [Int: Double]
    /// The student's taps, each with its linear centred kernel alignment with each of the teacher's.
    public let alignment: [Alignment]

    enum CodingKeys: String, CodingKey {
      case teacher, agreement, alignment
      case agreementByClass = "agreement_by_class"
      case retentionByClass = "retention_by_class"
    }
  }

  /// How much a layer of the student looks like layers of the teacher.
  public struct Alignment: Codable, Equatable, Sendable {
    /// The student's tap.
    public let tap: String
    /// By the teacher's tap, in [0, 1].
    public let with: [Layer]
  }

  /// One cell of the comparison.
  public struct Layer: Codable, Equatable, Sendable {
    /// The teacher's tap.
    public let tap: String
    public let value: Double
  }

  /// One for each teacher.
  public var comparisons: [Comparison]
  /// What labels and terms did to the student while it learned.
  public var terms: [TermReading]

  public init(comparisons: [Comparison] = [], terms: [TermReading] = []) {
    (self.comparisons, self.terms) = (comparisons, terms)
  }

  /// Whether nobody taught.
  public var isEmpty: Bool { comparisons.isEmpty && terms.isEmpty }

  /// Terms at which the student's backbone never looked: a weight that teaches nothing.
  public var silentTerms: [String] {
    let names = terms.map(\.name)
    return Set(names).filter { name in
      terms.allSatisfy { $0.name != name || ($0.weight > 0 && $0.gradient == 0) }
    }.sorted { names.firstIndex(of: $0) ?? 0 < names.firstIndex(of: $1) ?? 0 }
  }
}
