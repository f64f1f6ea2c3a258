import Torch

/// Pooled outputs distillation of maps, POD-spatial (Douillard et al. 2020, eq. 3).
public enum PooledMaps {
  /// ‖p(student) / ‖p(student)‖ − p(teacher) / ‖p(teacher)‖‖ of maps `[N, C, H, W]`, item by item `[N]`; p are the squared
  /// map's sums over its width and its sums over its height, one behind the other.
  public static func values(student: Tensor, teacher: Tensor) throws -> Tensor {
    try (pooled(student) - pooled(teacher)).norm([1])
  }

  private static func pooled(_ map: Tensor) throws -> Tensor {
    let energy = try map.square()
    return try Tensor.concatenate(
      [energy.sum([3]).flatten(from: 1), energy.sum([2]).flatten(from: 1)], dim: 1
    ).unitRows()
  }
}
