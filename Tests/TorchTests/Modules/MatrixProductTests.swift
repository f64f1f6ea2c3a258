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
      let leaves = [try x.clone(), try Self.exact([5, 8], seed: 3), try Self.exact([5], seed: 4)]
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
    let kept = #expect(throws: TorchError.self) {
      try Linear(3, 2, Generator(seed: 1)).keepWeights(in: .float16)
    }
    #expect(kept?.kind == .dtype && kept?.message.contains("float16") == true)
  }

  /// (w x)² has the derivative 2 w x², and that 2 x²: all numbers here are exact in bfloat16.
  @Test func derivativesOfDerivatives() throws {
    let second = try withGrad {
      let weight = try Tensor([Float(3)]).reshape([1, 1])
      try weight.setRequiresGrad(true)
      let y = try Tensor([Float(2), 4]).reshape([2, 1]).linear(weight, relu: true, in: .bfloat16)
      let first = try gradients(of: y.square().sum(), withRespectTo: [weight], createGraph: true)[0]
      #expect(try first.item() == 120)
      return try gradients(of: first.sum(), withRespectTo: [weight])[0].item()
    }
    #expect(second == 40)
  }

  /// Asked for, it is so for one row as for many, and for inputs of other types and none.
  @Test func rowsAndTypes() throws {
    let (x, weight) = (
      try Tensor.normal([6, 33], Generator(seed: 1)), try Tensor.normal([5, 33], Generator(seed: 2))
    )
    let whole = try noGrad { try x.linear(weight, in: .bfloat16) }
    let one = try noGrad { try x[0..<1].linear(weight, in: .bfloat16) }
    #expect(try one.equals(one.to(.bfloat16).to(.float32)) && whole.equals(whole.to(.bfloat16).to(.float32)))
    for type in [DType.bfloat16, .float64] {
      let given = try x.to(type)
      try given.setRequiresGrad(true)
      let output = try withGrad { try given.linear(weight, in: .bfloat16) }
      #expect(try output.dtype == .float32 && output.detach().equals(whole))
      try output.sum().backward()
      #expect(try given.gradient?.dtype == type)
    }
    #expect(try Tensor.zeros([2, 0, 33]).linear(weight, in: .bfloat16).shape == [2, 0, 5])
    #expect(try Tensor.zeros([2, 3, 0]).linear(Tensor.zeros([5, 0]), in: .bfloat16).shape == [2, 3, 5])
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
