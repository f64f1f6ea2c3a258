import Torch

/// What a term is to compare at one pair of taps, and how it says that it cannot.
public struct TapShapes: Equatable, Sendable {
  /// The term's name, for errors.
  public let term: String
  public let pair: TapPair
  /// The shapes of the values, batch dimension included.
  public let student: [Int]
  public let teacher: [Int]

  public init(term: String, pair: TapPair, student: [Int], teacher: [Int]) {
    (self.term, self.pair, self.student, self.teacher) = (term, pair, student, teacher)
  }

  /// Why these values are not compared.
  ///
  /// - Parameter possible: what could be compared instead.
  public func refused(_ possible: String) -> DistillationError {
    .shapes(
      term: term,
      "`\(pair.student)` of the student gives \(student) and `\(pair.teacher)` of the teacher \(teacher); "
        + possible)
  }

  /// Throws unless both values are maps `[N, C, H, W]`.
  public func requireMaps() throws {
    guard student.count == 4, teacher.count == 4 else {
      throw refused("it compares maps [N, C, H, W], such as the outputs of convolutional stages")
    }
  }
}

extension DistillationTerm {
  /// The shapes at each of the term's pairs.
  ///
  /// - Throws: `DistillationError.shapes` unless the plan has one for each, of items with at least one dimension.
  public func tapShapes(_ plan: TermPlan) throws -> [TapShapes] {
    guard plan.shapes.count == pairs.count, !pairs.isEmpty else {
      throw DistillationError.shapes(
        term: name, "\(pairs.count) pairs of taps need as many shapes, not \(plan.shapes.count)")
    }
    return try zip(pairs, plan.shapes).map { pair, shape in
      let shapes = TapShapes(term: name, pair: pair, student: shape.student, teacher: shape.teacher)
      guard shape.student.count >= 2, shape.teacher.count >= 2 else {
        throw shapes.refused("it compares values of more than one number an item, [N, D] or [N, C, H, W]")
      }
      return shapes
    }
  }

  /// The sum over pairs of distances `[N]`.
  ///
  /// - Throws: `DistillationError.shapes` when there are none, because the term has not been built.
  func sum(_ distances: [Tensor]) throws -> Tensor {
    guard let first = distances.first else {
      throw DistillationError.shapes(term: name, "it has not been built for any pair of taps")
    }
    return try distances.dropFirst().reduce(first) { try $0 + $1 }
  }

  /// The factor 2^(i + 1 − n) of pair i of n, i from 0: each counts half as much as the next deeper one.
  func depthFactor(_ index: Int) -> Double {
    1 / Double(1 << (pairs.count - 1 - index))
  }
}

extension Tensor {
  /// The mean of each item's elements: `[N, …]` → `[N]`.
  func itemMeans() throws -> Tensor { try mean(Array(1..<rank)) }
  /// The sum of each item's elements: `[N, …]` → `[N]`.
  func itemSums() throws -> Tensor { try sum(Array(1..<rank)) }

  /// Vectors along a dimension at length 1; those of length 0 stay.
  func unit(_ dim: Int) throws -> Tensor { try self / norm([dim], keepDims: true).clamp(min: 1e-12) }
}
