import Testing
import Torch

@testable import Perennial

@Suite struct HeadTests {
  @Test func aLinearHeadKeepsItsRowsAndAddsOnesAsALinearLayerStarts() throws {
    let generator = try Generator(seed: 1)
    let head = try LinearHead(features: 16, generator)
    #expect(head.outputs == 0)
    try head.grow(to: 2, generator)
    let before = try noGrad { try (head.weight.value.clone(), head.bias.value.clone()) }
    try head.grow(to: 5, generator)
    #expect(head.weight.value.shape == [5, 16] && head.bias.value.shape == [5])
    #expect(try head.weight.value[0..<2].equals(before.0))
    #expect(try head.bias.value[0..<2].equals(before.1))
    let again = try Generator(seed: 1)
    _ = try Linear(16, 2, again)
    let rows = try Linear(16, 3, again)
    #expect(try head.weight.value[2..<5].equals(rows.weight.value))
    try head.grow(to: 3, generator)
    #expect(head.outputs == 5, "heads never shrink")
  }

  @Test func aFixedHeadShowsTheUnitsThatArrived() throws {
    let head = try FixedHead(features: 16, capacity: 4, Generator(seed: 1))
    let features = try Tensor.normal([3, 16], Generator(seed: 2))
    let all = try features.linear(head.weight.value, bias: head.bias.value)
    for outputs in 1...4 {
      try head.grow(to: outputs, Generator(seed: 3))
      expectNear(try head(features), try all.narrow(dim: 1, start: 0, count: outputs))
    }
    #expect { try head.grow(to: 5, Generator(seed: 3)) } throws: {
      "\($0)".contains("4 units has no room for 5")
    }
  }

  @Test func aCosineHeadDoesNotSeeLengths() throws {
    let generator = try Generator(seed: 1)
    let head = try CosineHead(features: 16, outputs: 3, scale: 10, generator)
    let features = try Tensor.normal([5, 16], generator)
    let outputs = try noGrad { try head(features) }
    expectNear(try noGrad { try head(features * 7) }, outputs)
    #expect(try outputs.abs().amax([]).item() <= 10)
    let row = try noGrad { try head(head.weight.value) }
    for unit in 0..<3 { #expect(abs(try row[unit][unit].item() - 10) < 1e-4) }
    let before = try noGrad { try head.weight.value.clone() }
    try head.grow(to: 4, generator)
    #expect(try head.weight.value[0..<3].equals(before))
  }

  @Test func nearestClassMeansAreTheMeans() throws {
    let head = try NearestClassMeanHead(features: 2, outputs: 0, Generator(seed: 1))
    try head.grow(to: 3, Generator(seed: 1))
    try head.prepare(Tensor([1, 1, 3, 1, 0, 5] as [Float], shape: [3, 2]), Tensor([0, 0, 2]))
    let outputs = try head(Tensor([2, 1, 0, 0] as [Float], shape: [2, 2]))
    #expect(try outputs.floats() == [0, -.infinity, -20, -5, -.infinity, -25])
    #expect(head.parameters.allSatisfy { !$0.parameter.isTrainable })
  }
}

@Suite struct CarriedVectorTests {
  @Test func aVectorFollowsTheLayoutThatGrows() throws {
    let generator = try Generator(seed: 1)
    let small = try ParameterVector(LinearHead(features: 2, outputs: 1, generator).trainableParameters)
    let large = try ParameterVector(LinearHead(features: 2, outputs: 3, generator).trainableParameters)
    var carried = CarriedVector(try Tensor([1, 2, 3] as [Float]), small.layout)
    #expect(try carried.tensor(in: large.layout).floats() == [1, 2, 0, 0, 0, 0, 3, 0, 0])
    #expect(try carried.tensor(in: large.layout).floats() == [1, 2, 0, 0, 0, 0, 3, 0, 0])
    var again = try #require(try CarriedVector(carried.state()))
    #expect(try again.tensor(in: large.layout).floats() == [1, 2, 0, 0, 0, 0, 3, 0, 0])
    #expect(try CarriedVector(State()) == nil)
    #expect(throws: StateError.missing("layout")) {
      try CarriedVector(State(tensors: ["vector": Tensor([1] as [Float])]))
    }
  }
}
