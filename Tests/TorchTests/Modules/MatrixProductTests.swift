import Testing

@testable import Torch

/// Products in bfloat16, for training and for weights that are kept in it.
@Suite("Products in bfloat16") struct MatrixProductTests {
  /// Factors that bfloat16 holds exactly: products of them are those of float32, and only results are rounded.
  private static func exact(_ shape: [Int], seed: UInt64) throws -> Tensor {
    try Tensor.normal(shape, Generator(seed: seed)).to(.bfloat16).to(.float32)
  }

  @Test(arguments: [false, true], [[6, 8], [2, 3, 8]])
  func gradientsAreThoseOfRoundedFactors(relu: Bool, shape: [Int]) throws {
    let (x, upstream) = (try Self.exact(shape, seed: 1), try Self.exact(shape.dropLast() + [5], seed: 2))
    func gradients(_ precision: DType, through slots: Bool) throws -> (Tensor, [Tensor]) {
      let leaves = [x, try Self.exact([5, 8], seed: 3), try Self.exact([5], seed: 4)]
      for leaf in leaves {
        try leaf.setRequiresGrad(true)
        // What is there already is added to.
        if slots { try leaf.setGradient(Tensor.ones(leaf.shape)) }
      }
      return try withGrad {
        let y = try leaves[0].linear(leaves[1], bias: leaves[2], relu: relu, in: precision)
        let loss = try (y * upstream).sum()
        if slots { try loss.directBackward() } else { try loss.backward() }
        return (try y.detach(), try leaves.map { try #require(try $0.gradient) })
      }
    }
    for slots in [false, true] {
      let (whole, expected) = try gradients(.float32, through: slots)
      let (half, rounded) = try gradients(.bfloat16, through: slots)
      #expect(half.dtype == .float32 && half.shape == whole.shape)
      #expect(try !half.equals(whole))
      for (a, b) in zip([half] + rounded, [whole] + expected) {
        #expect(a.dtype == .float32 && a.shape == b.shape)
        let scale = try b.abs().flatten().amax([0]).item()
        #expect(try (a - b).abs().flatten().amax([0]).item() < 0.01 * scale)
      }
    }
  }

  @Test func whatItCannotDoIsSaid() throws {
    let (x, weight) = (try Tensor.ones([6, 3]), try Tensor.ones([2, 3]))
    let error = #expect(throws: TorchError.self) { try x.linear(weight, in: .float64) }
    #expect(error?.kind == .dtype && error?.message.contains("float64") == true)
    #expect(throws: TorchError.self) { try x.linear(Tensor.ones([2, 4]), in: .bfloat16) }
    let twice = #expect(throws: TorchError.self) {
      try withGrad {
        try weight.setRequiresGrad(true)
        _ = try gradients(
          of: x.linear(weight, in: .bfloat16).square().sum(), withRespectTo: [weight], createGraph: true)
      }
    }
    #expect(twice?.message.contains("differentiated once") == true, "\(twice?.message ?? "nothing")")
  }

  /// Few rows meet weights as they are kept; more are rounded as those are.
  @Test(arguments: [1, 4, 5, 40]) func keptWeightsAreRoundedAndNothingElse(rows: Int) throws {
    let layer = try Linear(33, 7, Generator(seed: 5))
    let table = try Embedding(9, 33, Generator(seed: 6))
    let x = try Tensor.normal([rows, 33], Generator(seed: 7))
    let rounded = try layer.weight.value.detach().to(.bfloat16).to(.float32)
    let vectors = try table.weight.value.detach().to(.bfloat16).to(.float32)
    try layer.keepWeights(in: .bfloat16)
    try table.keepWeights(in: .bfloat16)
    #expect(layer.weight.value.dtype == .bfloat16 && !layer.weight.isTrainable)
    #expect(layer.bias?.value.dtype == .float32)
    let answer = try noGrad { try layer(x) }
    let expected = try noGrad { try x.linear(rounded, bias: layer.bias?.value) }
    #expect(answer.dtype == .float32)
    let scale = try expected.abs().flatten().amax([0]).item()
    #expect(
      try (answer - expected).abs().flatten().amax([0]).item() < (rows > 4 ? 0.02 : 1e-5) * scale)
    let ids = try Tensor([0, 8, 3])
    #expect(try noGrad { try table(ids) }.equals(vectors.indexSelect(ids)))
  }
}
