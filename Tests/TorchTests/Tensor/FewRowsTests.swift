import Testing

@testable import Torch

@Suite("Linear layers of few rows")
struct FewRowsTests {
  /// In use, one to four rows take another way through the processor; it must lead to the same place.
  @Test(arguments: [1, 2, 4, 5], [(1, 1), (7, 3), (32, 8), (33, 5), (384, 1536)])
  func theSameAsWithGradients(rows: Int, sizes: (inputs: Int, outputs: Int)) throws {
    let generator = try Generator(seed: 5)
    let weight = try Tensor.normal([sizes.outputs, sizes.inputs], generator)
    let bias = try Tensor.normal([sizes.outputs], generator)
    let inputs = [
      try Tensor.normal([rows, sizes.inputs], generator),
      try Tensor.normal([1, rows, sizes.inputs], generator),
      try Tensor.normal([sizes.inputs, rows], generator).T,
    ]
    for x in inputs {
      for (bias, relu) in [(nil, false), (bias, false), (bias, true)] {
        let learned = try withGrad { try x.linear(weight, bias: bias, relu: relu) }
        let asked = try noGrad { try x.linear(weight, bias: bias, relu: relu) }
        #expect(asked.shape == learned.shape)
        let scale = try learned.abs().flatten().amax([0]).item() + 1
        #expect(try (asked - learned).abs().flatten().amax([0]).item() <= 1e-5 * scale)
      }
    }
  }

  @Test func notANumberStaysOne() throws {
    let x = try Tensor([Float.nan, 1, 2]).unsqueeze(0)
    let y = try noGrad { try x.linear(Tensor.ones([2, 3])) }
    #expect(try y.array(of: Float.self).allSatisfy(\.isNaN))
  }
}
