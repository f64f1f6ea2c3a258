import Torch

/// How far features have turned: less-forget (Hou et al. 2019, eq. 6) and POD-flat (Douillard et al. 2020, eq. 6).
public enum FeatureDirection {
  /// 1 − cos(student, teacher) of features `[N, D]`, item by item `[N]`.
  public static func values(student: Tensor, teacher: Tensor) throws -> Tensor {
    try 1 - (student.unitRows() * teacher.unitRows()).sum([1])
  }
}
