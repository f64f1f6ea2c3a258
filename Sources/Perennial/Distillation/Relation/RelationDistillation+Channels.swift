import Torch

// Relations between the channels of each item. Maps are `[N, C, H, W]`.
extension RelationDistillation {
  /// ‖G_s − G_t‖² / C, with G = F Fᵀ the inner products of an item's channels and each row of G at length 1 (Liu et al.
  /// 2021), `[N]`.
  public static func interChannelDistance(student: Tensor, teacher: Tensor) throws -> Tensor {
    func correlations(_ map: Tensor) throws -> Tensor {
      let channels = try map.flatten(from: 2)
      return try unit(channels.batchedMatmul(channels.T), 2)
    }
    let difference = try correlations(student.asStudent()) - correlations(teacher.asTeacher())
    return try difference.square().sum([1, 2]) / difference.shape[1]
  }

  /// G = F Fᵀ' / (H W) between the channels of two layers of one model `[N, C, C']` (Yim et al. 2017, eq. 1), maps of
  /// different sizes averaged to the smaller.
  public static func solutionFlow(from first: Tensor, to second: Tensor) throws -> Tensor {
    let size = (2...3).map { min(first.shape[$0], second.shape[$0]) }
    func channels(_ map: Tensor) throws -> Tensor {
      try (Array(map.shape[2...]) == size ? map : map.adaptiveAvgPool2d(size)).flatten(from: 2)
    }
    return try channels(first).batchedMatmul(channels(second).T) / (size[0] * size[1])
  }
}
