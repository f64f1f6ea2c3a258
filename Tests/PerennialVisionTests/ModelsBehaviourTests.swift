import Foundation
import Testing
import Torch

@testable import PerennialVision

@Suite struct ModelsBehaviourTests {
  let generator: Generator
  init() throws { generator = try Generator(seed: 5) }

  @Test func featuresOfOtherSizes() throws {
    let cases: [(any VisionBackbone, [Int], Int)] = [
      (try MLP(inputs: 3 * 4 * 4, hidden: [7], generator), [3, 4, 4], 7),
      (try MLP(inputs: 6, hidden: [], generator), [6], 6),
      (try LeNet(input: [3, 32, 20], generator), [3, 32, 20], 84),
      (try LeNet(input: [1, 12, 13], generator), [1, 12, 13], 84),
      (try SmallCNN(input: [1, 8, 8], generator), [1, 8, 8], 128),
      (try SmallCNN(input: [2, 9, 5], channels: [4, 6], hidden: 3, generator), [2, 9, 5], 3),
      (try ResNet.slim18(channels: 1, width: 2, generator), [1, 28, 28], 16),
      (try ResNet.resNet18(width: 2, generator), [3, 64, 64], 16),
      (try ResNet.cifar(depth: 8, channels: 1, width: 3, generator), [1, 9, 7], 12),
    ]
    for (backbone, shape, features) in cases {
      #expect(backbone.featureCount == features)
      let output = try backbone(Tensor.uniform([2] + shape, generator))
      #expect(output.shape == [2, features])
      #expect(try output.isFinite().all().item() == 1)
    }
  }

  @Test func theSameSeedGivesTheSameWeights() throws {
    func values(_ seed: UInt64) throws -> Tensor {
      let model = try ResNet.cifar(depth: 8, width: 2, Generator(seed: seed))
      return try ParameterVector(model.trainableParameters).values
    }
    #expect(try values(1).equals(values(1)))
    #expect(try !values(1).equals(values(2)))
  }

  @Test func kernelsAreDrawnAsPublished() throws {
    func deviation(_ model: ResNet, _ path: String) throws -> Double {
      let kernel = try #require(model.parameters.first { $0.path == path }).parameter.value
      return try kernel.variance([0, 1, 2, 3], correction: 0).item().squareRoot()
    }
    let path = "layer2.0.conv1.weight"  // w → 2w with 3×3 kernels
    let fanIn = try deviation(ResNet.cifar(depth: 8, width: 32, generator), path)
    #expect(abs(fanIn / (2.0 / (9 * 32)).squareRoot() - 1) < 0.03)
    let fanOut = try deviation(ResNet.resNet18(width: 32, generator), path)
    #expect(abs(fanOut / (2.0 / (9 * 64)).squareRoot() - 1) < 0.03)
    let uniform = try deviation(ResNet.slim18(width: 32, generator), path)
    #expect(abs(uniform / (1.0 / (3 * 9 * 32)).squareRoot() - 1) < 0.03)
  }

  @Test func activationsOfTheMLP() throws {
    let x = try Tensor.normal([4, 5], generator)
    for function in Activation.Function.allCases {
      let model = try MLP(inputs: 5, hidden: [6], activation: function, generator)
      let weights = try model.stateDictionary()
      let product = try x.linear(#require(weights["layers.0.weight"]), bias: weights["layers.0.bias"])
      #expect(try model(x).isClose(to: function(product), relative: 1e-5, absolute: 1e-6), "\(function)")
    }
  }

  @Test func dropoutOnlyInTraining() throws {
    let dropout = Dropout(0.5, try Generator(seed: 8))
    let model = try MLP(inputs: 8, hidden: [64, 64], dropout: dropout, generator)
    let x = try Tensor.normal([16, 8], generator)
    #expect(try !model(x).equals(model(x)))
    try model.evaluating {
      #expect(try model(x).equals(model(x)))
      let plain = try MLP(inputs: 8, hidden: [64, 64], generator)
      try plain.load(model.stateDictionary())
      #expect(try model(x).equals(plain(x)))
    }
  }

  @Test func optionAKeepsEverySecondPixelAndAddsZeros() throws {
    // With kernels and shifts of zero only the shortcut is left.
    let model = try ResNet.cifar(depth: 8, width: 4, generator)
    let blocks = model.parameters.filter { $0.path.hasPrefix("layer") && !$0.path.contains("running") }
    try noGrad { for (_, parameter) in blocks { try parameter.value.zero() } }
    let whole = try Tensor.uniform([2, 3, 8, 8], generator)
    let features = try model.evaluating { try model(whole) }
    #expect(try features.narrow(dim: 1, start: 0, count: 6).abs().sum().item() == 0)
    #expect(try features.narrow(dim: 1, start: 10, count: 6).abs().sum().item() == 0)
    #expect(try features.narrow(dim: 1, start: 6, count: 4).abs().sum().item() > 0)
  }

  @Test func aFlatVectorHoldsChannelsLastKernels() throws {
    let model = try ResNet.slim18(width: 2, generator)
    let x = try Tensor.uniform([2, 3, 16, 16], generator)
    let before = try model.evaluating { try model(x) }
    let vector = try ParameterVector(model.trainableParameters)
    #expect(try model.evaluating { try model(x) }.equals(before))
    try model(x).sum().backward()
    #expect(try vector.gradients.norm().item() > 0)
  }

  @Test func impossibleModelsSayWhy() throws {
    func problem(_ make: () throws -> any VisionBackbone) -> String? {
      do {
        _ = try make()
        return nil
      } catch { return (error as? ModelError)?.description }
    }
    #expect(
      problem { try LeNet(input: [1, 8, 8], generator) }
        == "LeNet: needs images of at least 12×12, not 8×8")
    #expect(
      problem { try SmallCNN(input: [1, 8, 7], generator) }
        == "SmallCNN: 3 poolings need images of at least 8×8, not 8×7")
    #expect(
      problem { try LeNet(input: [784], generator) } == "LeNet: needs images of shape [C, H, W], not [784]")
    #expect(
      problem { try ResNet.cifar(depth: 18, generator) }
        == "CIFAR ResNet: the depth must be 6n + 2 (20, 32, 44, 56, 110 …), not 18")
    #expect(
      problem { try MLP(inputs: 4, hidden: [3, 0], generator) }?.contains("widths of at least 1") == true)
    #expect(problem { try ResNet.slim18(width: 0, generator) }?.contains("widths [0") == true)
  }

  @Test func wrongInputsAreTypedErrors() throws {
    #expect(throws: TorchError(.shape, "an MLP of 8 inputs does not take a batch of shape [2, 3, 3]")) {
      try MLP(inputs: 8, hidden: [4], generator)(Tensor.zeros([2, 3, 3]))
    }
    #expect(throws: TorchError.self) {
      try ResNet.slim18(width: 2, generator)(Tensor.zeros([2, 1, 32, 32]))
    }
  }
}
