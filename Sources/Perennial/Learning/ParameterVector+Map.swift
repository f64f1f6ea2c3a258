import Torch

extension ParameterVector {
  /// A vector `[P]` of what `body` says of each parameter, in its shape or one that broadcasts to it.
  func map(_ dtype: DType = .bool, _ body: (VectorLayout.Slot, Parameter) throws -> Tensor) throws -> Tensor {
    try noGrad {
      let result = try Tensor.zeros([count], dtype: dtype, device: values.device)
      for (slot, parameter) in zip(layout.slots, parameters) {
        try layout.view(slot, of: result).copy(from: body(slot, parameter))
      }
      return result
    }
  }

  /// True at the rows of the first `units` outputs, and at whatever else of the head is not made of rows once there are
  /// such units: bool `[P]`.
  func headRows(before units: Int) throws -> Tensor {
    try headRows(others: units > 0) { $0 < units }
  }

  /// True at the rows of some outputs, and at whatever else of the head is not made of rows where `others` says so: bool
  /// `[P]`.
  func headRows(others: Bool, _ isWanted: (Int) -> Bool) throws -> Tensor {
    try map { slot, parameter in
      let rows = slot.shape.first ?? 0
      guard parameter.kind == .head, rows > 0 else {
        return try Tensor([parameter.kind == .head && others], shape: [])
      }
      return try Tensor((0..<rows).map(isWanted)).to(values.device).reshape(
        [rows] + slot.shape.dropFirst().map { _ in 1 })
    }
  }
}
