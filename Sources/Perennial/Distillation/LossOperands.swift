import Torch

extension Tensor {
  /// As a loss takes a student's values: in float32, whatever the precision of the model.
  func asStudent() throws -> Tensor { try to(.float32) }

  /// As a loss takes a teacher's values: in float32 and cut from the graph, because nothing teaches a teacher.
  func asTeacher() throws -> Tensor { try detach().to(.float32) }
}

extension TermSight {
  /// The targets as indices, 0 for items without one, int64 `[N]`, and which items have one, bool `[N]`.
  ///
  /// - Throws: `DistillationError.shapes` where targets are no classes.
  func classes(for term: String) throws -> (indices: Tensor, valid: Tensor) {
    guard let targets else {
      throw DistillationError.shapes(term: term, "it needs classes as targets")
    }
    return (try targets.maximum(targets.zerosLike()), try targets .>= 0)
  }
}

extension TermPlan {
  /// Throws where there are fewer units than a term needs.
  func require(outputs least: Int, for term: String, because reason: String) throws {
    guard outputs >= least else {
      throw DistillationError.shapes(
        term: term, "it needs at least \(least) units that both answer for, not \(outputs): \(reason)")
    }
  }
}
