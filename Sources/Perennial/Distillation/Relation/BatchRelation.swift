import Torch

/// A term between the items of a batch that learns nothing itself: how differently student and teacher relate them,
/// summed over its pairs of taps.
public protocol BatchRelation: DistillationTerm {
  /// One value `[]` of what both have at a pair of taps, `[N, …]` each.
  func distance(student: Tensor, teacher: Tensor) throws -> Tensor
}

extension BatchRelation {
  public func build(_ plan: TermPlan, _ random: RandomStreams) throws -> Module? {
    for shapes in try tapShapes(plan) { try shapes.requireItems() }
    return nil
  }

  public func values(_ sight: TermSight) throws -> TermValues {
    .batch(try sum(sight.pairs.map { try distance(student: $0.student, teacher: $0.teacher) }))
  }
}
