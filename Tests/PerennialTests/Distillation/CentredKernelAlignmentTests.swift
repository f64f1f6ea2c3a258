import Testing
import Torch

@testable import Perennial

@Suite struct CentredKernelAlignmentTests {
  let a: Tensor
  let b: Tensor
  let golden: GoldenTensors

  init() throws {
    golden = try GoldenTensors("distillation_features")
    (a, b) = (try golden["cka/a"], try golden["cka/b"])
  }

  private func linear(_ a: Tensor, _ b: Tensor) throws -> Double {
    let value = try CentredKernelAlignment.linear(a, b)
    return try #require(value)
  }

  /// The golden values come from Gram matrices, and from sums over all different places.
  @Test func theGoldenValues() throws {
    expectNear(
      try linear(a, b), try golden["cka/exact"].item(), within: 1e-6)
    let (x, y) = (try a[0..<5].to(.float64), try b[0..<5].to(.float64))
    let independence = try CentredKernelAlignment.unbiasedIndependence(x.matmul(x.T), y.matmul(y.T)).item()
    let expected = try golden["cka/independence"].item()
    expectNear(independence, expected, within: 1e-5 * abs(expected))
    var batches = CentredKernelAlignment.Batches()
    #expect(batches.value == nil)
    for start in [0, 5, 10, 15] { try batches.add(a[start..<start + 5], b[start..<start + 5]) }
    expectNear(try #require(batches.value), try golden["cka/batches"].item(), within: 1e-6)
    var ten = CentredKernelAlignment.Batches()
    try ten.add(a[0..<10], b[0..<10])
    expectNear(try #require(ten.value), try golden["cka/ten"].item(), within: 1e-6)
  }

  /// It is 1 for the same features, turned, scaled or moved, and does not know the order of its arguments.
  @Test func itDoesNotKnowRotationsAndScales() throws {
    let rotation = try Initializer.orthogonal([6, 6], Generator(seed: 5))
    let turned = try a.matmul(rotation) * 3 + 7
    expectNear(try linear(a, turned), 1, within: 1e-5)
    expectNear(
      try linear(turned, b),
      try linear(a, b), within: 1e-5)
    expectNear(
      try linear(b, a), try linear(a, b),
      within: 1e-12)
    var batches = CentredKernelAlignment.Batches()
    try batches.add(a, turned)
    expectNear(try #require(batches.value), 1, within: 1e-5)
  }

  /// With few items of wide features the biased value is near 1 for noise; the debiased one is near 0.
  @Test func noiseHasNothingInCommon() throws {
    let generator = try Generator(seed: 8)
    let (x, y) = (try Tensor.normal([64, 200], generator), try Tensor.normal([64, 200], generator))
    #expect(try linear(x, y) > 0.7)
    var batches = CentredKernelAlignment.Batches()
    for start in [0, 16, 32, 48] { try batches.add(x[start..<start + 16], y[start..<start + 16]) }
    #expect(try abs(#require(batches.value)) < 0.1)
  }

  @Test func featuresThatAreAllTheSameHaveNoAlignment() throws {
    let same = try Tensor.full([20, 3], 0.1)
    #expect(try CentredKernelAlignment.linear(same, b) == nil)
    var batches = CentredKernelAlignment.Batches()
    try batches.add(same, b)
    #expect(batches.value == nil)
    #expect(throws: TorchError.self) { try batches.add(a[0..<3], b[0..<3]) }
  }
}
