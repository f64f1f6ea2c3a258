import Perennial
import Testing
import Torch

@testable import PerennialVision

@Suite struct ModelsTapTests {
  let generator: Generator
  init() throws { generator = try Generator(seed: 6) }

  private func look(_ backbone: any VisionBackbone, _ input: Tensor) throws -> (Network, Look) {
    let network = Network(
      backbone, head: try LinearHead(features: backbone.featureCount, outputs: 3, generator))
    return (network, try network.evaluating { try network.look(input, taps: backbone.taps.map(\.name)) })
  }

  private func expectSame(_ look: Look, _ tap: String, _ expected: Tensor) throws {
    #expect(try relativeError(look.value(tap), expected) < 1e-5, "\(tap)")
  }

  @Test func residualNetworks() throws {
    let model = try ResNet.cifar(depth: 14, width: 3, shortcut: .projection(), generator)
    for (path, parameter) in model.parameters where path.hasSuffix("bias") || path.hasSuffix("running_mean") {
      try parameter.value.fillNormal(mean: 0, standardDeviation: 0.3, generator)
    }
    let input = try Tensor.normal([2, 3, 8, 12], generator)
    let (network, seen) = try look(model, input)
    #expect(
      network.tapNames == [
        "conv1", "layer1", "layer1.preactivation", "layer2", "layer2.preactivation", "layer3",
        "layer3.preactivation", "features", "outputs",
      ])
    let shapes = [
      "conv1": [2, 3, 8, 12], "layer1": [2, 3, 8, 12], "layer2": [2, 6, 4, 6], "layer3": [2, 12, 2, 3],
    ]
    for (tap, shape) in shapes { #expect(try seen.value(tap).shape == shape, "\(tap)") }

    // By hand, from the weights.
    let weights = try model.stateDictionary()
    func weight(_ path: String) throws -> Tensor { try #require(weights[path], "\(path)") }
    func convolution(_ x: Tensor, _ path: String, stride: Int, padding: Int) throws -> Tensor {
      try x.conv2d(
        weight("\(path).weight"), stride: [stride, stride], padding: [padding, padding])
    }
    func normalised(_ x: Tensor, _ path: String) throws -> Tensor {
      try x.batchNorm(
        weight: weight("\(path).weight"), bias: weight("\(path).bias"),
        runningMean: weight("\(path).running_mean"), runningVariance: weight("\(path).running_var"),
        training: false)
    }
    var x = try normalised(convolution(input, "conv1", stride: 1, padding: 1), "bn1").relu()
    try expectSame(seen, "conv1", x)
    for group in 1...3 {
      var sum = x
      for block in 0..<2 {
        let path = "layer\(group).\(block)"
        let stride = group > 1 && block == 0 ? 2 : 1
        let inside = try normalised(
          convolution(x, "\(path).conv1", stride: stride, padding: 1), "\(path).bn1")
        let residual = try normalised(
          convolution(inside.relu(), "\(path).conv2", stride: 1, padding: 1), "\(path).bn2")
        let shortcut =
          stride == 2
          ? try normalised(convolution(x, "\(path).shortcut.0", stride: 2, padding: 0), "\(path).shortcut.1")
          : x
        sum = try residual + shortcut
        x = try sum.relu()
      }
      try expectSame(seen, "layer\(group).preactivation", sum)
      try expectSame(seen, "layer\(group)", x)
      #expect(try sum.amin([]).item() < 0)
    }
    try expectSame(seen, "features", x.mean([2, 3]))
  }

  /// Every model's taps can be listened to, and activations follow from what stands before them.
  @Test func preactivationsOfAllModels() throws {
    let models: [(any VisionBackbone, [Int], [String])] = [
      (try LeNet(input: [1, 20, 16], generator), [1, 20, 16], ["conv1", "conv2"]),
      (
        try SmallCNN(input: [2, 9, 8], channels: [4, 6], hidden: 3, generator), [2, 9, 8], ["conv1", "conv2"]
      ),
      (try StridedCNN(input: [1, 28, 20], channels: 5, generator), [1, 28, 20], ["0", "3", "6", "9"]),
      (
        try ResNet.slim18(channels: 1, width: 2, generator), [1, 16, 16],
        ["layer1", "layer2", "layer3", "layer4"]
      ),
      (try ResNet.resNet18(width: 2, generator), [3, 16, 16], ["layer1", "layer2", "layer3", "layer4"]),
    ]
    for (backbone, shape, stages) in models {
      let (_, seen) = try look(backbone, Tensor.normal([2] + shape, generator))
      #expect(Set(backbone.taps.map(\.name)).count == backbone.taps.count)
      for stage in stages {
        let before = try seen.value("\(stage).preactivation")
        #expect(before.rank == 4)
        #expect(try before.amin([]).item() < 0, "\(stage)")
        #expect(try before.relu().equals(seen.value(stage)), "\(stage)")
      }
    }
  }

  @Test func tapsOfSmallNetworksByHand() throws {
    let model = try SmallCNN(input: [1, 8, 8], channels: [4, 6], hidden: 3, generator)
    let input = try Tensor.normal([2, 1, 8, 8], generator)
    let (network, seen) = try look(model, input)
    #expect(
      network.tapNames == [
        "conv1", "conv1.preactivation", "conv2", "conv2.preactivation", "fc1", "features", "outputs",
      ])
    let weights = try model.stateDictionary()
    let convolved = try input.conv2d(
      #require(weights["conv1.weight"]), bias: weights["conv1.bias"], padding: [1, 1])
    try expectSame(seen, "conv1.preactivation", convolved.maxPool2d([2, 2]))
    let lenet = try look(LeNet(input: [1, 12, 12], generator), Tensor.normal([2, 1, 12, 12], generator))
    #expect(
      lenet.0.tapNames == [
        "conv1", "conv1.preactivation", "conv2", "conv2.preactivation", "fc1", "fc2", "features", "outputs",
      ])
    #expect(try lenet.1.value("conv2.preactivation").shape == [2, 16, 1, 1])
    let strided = try StridedCNN(input: [1, 28, 28], channels: 5, generator)
    let last = try look(strided, Tensor.normal([2, 1, 28, 28], generator)).1
    #expect(try last.value("9").shape == [2, 5, 2, 2])
    #expect(try last.features.equals(last.value("9").flatten(from: 1)))
  }

  /// Listening changes nothing, and what nobody listens to is not kept.
  @Test func listeningChangesNothing() throws {
    let model = try ResNet.cifar(depth: 8, width: 2, generator)
    let input = try Tensor.normal([2, 3, 8, 8], generator)
    let (network, seen) = try look(model, input)
    let quiet = try network.evaluating { try network(input) }
    #expect(try quiet.equals(seen.outputs))
    #expect(throws: TapError.silent("layer2")) { try Look(features: quiet, outputs: quiet).value("layer2") }
    #expect(throws: TapError.unknown("layer4", known: network.tapNames)) {
      try network.look(input, taps: ["layer4"])
    }
  }
}
