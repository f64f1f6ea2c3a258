import CTorch

// The few shapes that C calls have; every operator below is one line on top of these.
extension Tensor {
  typealias Result = UnsafeMutablePointer<ct_tensor?>

  @inline(__always)
  func unary(_ call: (ct_tensor?, Result) -> Int32) throws -> Tensor {
    try withExtendedLifetime(self) { try Tensor.make { call(handle, $0) } }
  }

  @inline(__always)
  func binary(_ other: Tensor, _ call: (ct_tensor?, ct_tensor?, Result) -> Int32) throws -> Tensor {
    try withExtendedLifetime((self, other)) { try Tensor.make { call(handle, other.handle, $0) } }
  }

  @inline(__always)
  func ternary(
    _ a: Tensor, _ b: Tensor, _ call: (ct_tensor?, ct_tensor?, ct_tensor?, Result) -> Int32
  ) throws -> Tensor {
    try withExtendedLifetime((self, a, b)) { try Tensor.make { call(handle, a.handle, b.handle, $0) } }
  }

  @inline(__always)
  func along(_ dims: [Int], _ call: (ct_tensor?, UnsafePointer<Int64>?, Int, Result) -> Int32) throws
    -> Tensor
  {
    let list = dims.map(Int64.init)
    return try withExtendedLifetime(self) { try Tensor.make { call(handle, list, list.count, $0) } }
  }

  @inline(__always)
  func mutate(_ call: (ct_tensor?) -> Int32) throws {
    try withExtendedLifetime(self) { try check(call(handle)) }
  }

  @inline(__always)
  func mutate(with other: Tensor, _ call: (ct_tensor?, ct_tensor?) -> Int32) throws {
    try withExtendedLifetime((self, other)) { try check(call(handle, other.handle)) }
  }
}
