import Torch

// Pearson's correlation of probabilities (Huang et al., Knowledge Distillation from a Stronger Teacher, 2022).
extension ResponseDistillation {
  /// 1 − ρ between what student and teacher say of the classes of each item, `[N]`.
  public static func interClassDistance(student: Tensor, teacher: Tensor, temperature: Double) throws
    -> Tensor
  {
    let (s, t) = try logProbabilities(student, teacher, temperature)
    return try 1 - correlation(s.exp(), t.exp(), 1)
  }

  /// 1 − ρ between what they say of the items for each class, `[C]`.
  public static func intraClassDistance(student: Tensor, teacher: Tensor, temperature: Double) throws
    -> Tensor
  {
    let (s, t) = try logProbabilities(student, teacher, temperature)
    return try 1 - correlation(s.exp(), t.exp(), 0)
  }

  /// Pearson's ρ along a dimension; about 0 where one side does not vary.
  private static func correlation(_ a: Tensor, _ b: Tensor, _ dim: Int) throws -> Tensor {
    let a = try a - a.mean([dim], keepDims: true)
    let b = try b - b.mean([dim], keepDims: true)
    return try (a * b).sum([dim]) / (a.norm([dim]) * b.norm([dim]) + 1e-8)
  }
}
