import Torch

/// A part of a distillation loss: how far a student is from its teacher, in outputs, in features or in relations.
///
/// A term gives raw values; ``DistillationReducer`` alone takes means, leaves out items, and applies T². What it learns
/// itself, such as a projection between two widths, it makes once in ``build(_:_:)``: it is optimised and saved beside
/// the student, and never becomes part of it.
public protocol DistillationTerm: AnyObject {
  /// The name in logs and reports, unique among the terms of a distillation.
  var name: String { get }

  /// The values that are compared, pair by pair; none for terms between outputs alone.
  var pairs: [TapPair] { get }

  /// Makes what the term learns itself; nil where it learns nothing. Refuses shapes that it cannot compare.
  ///
  /// - Throws: `DistillationError.shapes`.
  func build(_ plan: TermPlan, _ random: RandomStreams) throws -> Module?

  /// A further experience begins, with other examples: what was learned stays, what is known of single examples goes.
  func renew(_ plan: TermPlan, _ random: RandomStreams) throws

  /// Whether outputs must be scores of classes, or of tokens, as they must for most terms between outputs.
  var needsClasses: Bool { get }

  /// Whether it has one value an item, of the outputs of that item alone, and every item is valid, so that outputs may be
  /// shown to it piece by piece, and the mean over all items is that over pieces.
  var isItemwise: Bool { get }

  /// How far the student is from the teacher.
  func values(_ sight: TermSight) throws -> TermValues
}

extension DistillationTerm {
  public var pairs: [TapPair] { [] }
  public func build(_ plan: TermPlan, _ random: RandomStreams) throws -> Module? { nil }
  public func renew(_ plan: TermPlan, _ random: RandomStreams) throws {}
  public var needsClasses: Bool { pairs.isEmpty }
  public var isItemwise: Bool { false }
}

/// A value of the student and the value of the teacher that it is compared with, by the names of their taps.
public struct TapPair: Hashable, Codable, Sendable {
  public let student: String
  public let teacher: String

  public init(_ student: String, _ teacher: String) { (self.student, self.teacher) = (student, teacher) }
}

/// What a term knows before the first step of an experience.
public struct TermPlan: Codable, Equatable, Sendable {
  /// The shapes of each pair of values, batch dimension included: `[2, C, H, W]`.
  public struct Shapes: Codable, Equatable, Sendable {
    public let student: [Int]
    public let teacher: [Int]

    public init(student: [Int], teacher: [Int]) { (self.student, self.teacher) = (student, teacher) }
  }

  /// One for each of the term's pairs.
  public let shapes: [Shapes]
  /// The units that both answer for.
  public let outputs: Int
  /// How many examples there are to learn from, for terms that remember something of each.
  public let examples: Int
  /// The student's unit of each example's class, for terms that sort by class; empty where targets are no classes.
  public let targets: [Int]

  public init(shapes: [Shapes] = [], outputs: Int, examples: Int = 0, targets: [Int] = []) {
    (self.shapes, self.outputs, self.examples, self.targets) = (shapes, outputs, examples, targets)
  }
}

/// What a term sees of one step.
public struct TermSight {
  /// Outputs `[N, K]` of the student and of the teacher, for the units that both answer for, in the same order.
  public let student: Tensor
  public let teacher: Tensor
  /// The values of each of the term's pairs; the student's are part of the graph.
  public let pairs: [(student: Tensor, teacher: Tensor)]
  /// The student's units that those outputs stand for, in order; nil for all of them.
  public let units: [Int]?
  /// The place of the right one among those units for each item int64 `[N]`; below 0 where it is none of them, a number
  /// of its own for each class. Nil where targets are no classes.
  public let targets: Tensor?
  /// The place of each item among the examples int64 `[N]`, −1 for items that are not of them.
  public let places: Tensor
  /// How much of the experience is learned, from 0 to 1.
  public let progress: Double

  public init(
    student: Tensor, teacher: Tensor, pairs: [(student: Tensor, teacher: Tensor)] = [],
    units: [Int]? = nil, targets: Tensor? = nil, places: Tensor, progress: Double = 0
  ) {
    (self.student, self.teacher, self.pairs, self.units) = (student, teacher, pairs, units)
    (self.targets, self.places, self.progress) = (targets, places, progress)
  }
}

/// What a term gives, before any mean.
public struct TermValues {
  /// One value an item `[N]`, or a scalar `[]` for terms between items.
  public let values: Tensor
  /// The temperature whose square scales the term; 1 where there is none.
  public let temperature: Double
  /// 1 for items that the term has something to say of, 0 for others, `[N]`; nil means all.
  public let valid: Tensor?

  /// One value an item `[N]`.
  public static func items(_ values: Tensor, temperature: Double = 1, valid: Tensor? = nil) -> TermValues {
    TermValues(values: values, temperature: temperature, valid: valid)
  }

  /// One value `[]` for the batch.
  public static func batch(_ value: Tensor, temperature: Double = 1) -> TermValues {
    TermValues(values: value, temperature: temperature, valid: nil)
  }
}
