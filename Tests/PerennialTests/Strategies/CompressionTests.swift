import Testing
import Torch

@testable import Perennial

@Suite struct CompressionTests {
  static func twoLayers(_ start: [String: Tensor]) -> Blueprint {
    Blueprint { random in
      let hidden = try Linear(4, 6, relu: true, random.stream("initialization"))
      let head = try FixedHead(features: 6, capacity: 3, random.stream("head"))
      let network = Network(LayersBackbone(6, ["hidden": hidden]), head: head)
      try noGrad {
        for (parameter, name) in [
          (hidden.weight, "w1"), (try #require(hidden.bias), "b1"), (head.weight, "w2"), (head.bias, "b2"),
        ] { try parameter.value.copy(from: #require(start[name])) }
      }
      return network
    }
  }

  @Test(arguments: [3, 8])
  func roundedWeightsAreThoseOfPyTorch(bits: Int) throws {
    let golden = try GoldenTensors("compression")
    expectNear(
      try FakeQuantization.symmetric(golden["symmetric\(bits)/w"], bits: bits),
      try golden["symmetric\(bits)/value"], relative: 1e-6)
    let w = try golden["dorefa\(bits)/w"]
    expectNear(try FakeQuantization.doReFa(w, bits: bits), try golden["dorefa\(bits)/value"], relative: 1e-6)
    let slope = try FakeQuantization.doReFaSlope(w)
    expectNear(try slope * golden["dorefa\(bits)/seed"], try golden["dorefa\(bits)/gradient"])
  }

  @Test func roundedActivationsPassGradientsInsideTheirRange() throws {
    let golden = try GoldenTensors("compression")
    let x = try golden["affine/x"].clone()
    try x.setRequiresGrad(true)
    let value = try FakeQuantization.affine(x, low: -1.5, high: 2.25, bits: 8)
    expectNear(value, try golden["affine/value"], relative: 1e-5)
    let slope = try gradients(of: value.square().sum(), withRespectTo: [x])
    expectNear(slope[0], try golden["affine/gradient"], relative: 1e-5)
  }

  @Test func aTrajectoryWithFourBitsIsTheGoldenOne() throws {
    let golden = try GoldenTensors("compression")
    let strategy = Method.quantization { ($0.weights, $0.activations) = (4, nil) }
    let learner = try Learner(
      Self.twoLayers(golden.all("start")), optimizer: SGD(learningRate: 0.1), strategies: [strategy],
      options: TrainingOptions(batch: 12, length: .steps(4)), pipeline: InputPipeline())
    try learner.learn(
      Experience(
        index: 0, name: "all",
        examples: Examples(inputs: golden["start/inputs"], targets: golden["start/targets"])))
    let state = try learner.model.stateDictionary()
    for (path, name) in [
      ("hidden.weight", "w1"), ("hidden.bias", "b1"), ("head.weight", "w2"), ("head.bias", "b2"),
    ] { expectNear(try #require(state[path]), try golden["trained/\(name)"], path) }
  }

  /// What is stored as integers must be what was scored.
  @Test func whatIsLeftFitsTheBits() throws {
    let stream = try Clusters().stream()
    let learner = try Setting.plain.learner([Method.quantization { $0.weights = 4 }], stream: stream)
    try learner.learn(stream)
    for (_, parameter) in learner.model.parameters where parameter.value.rank > 1 {
      for row in 0..<parameter.value.shape[0] {
        let values = try parameter.value[row].floats()
        #expect(Set(values).count <= 15)
      }
    }
  }

  @Test func sharesOfPrunedWeightsFollowThePaper() throws {
    let pruning = GradualPruning()
    for (progress, share) in [(0.1, 0.0), (0.2, 0), (0.5, 0.7), (0.8, 0.8), (1, 0.8)] {
      expectNear(pruning.sparsity(at: progress), share, within: 1e-12)
    }
  }

  @Test func prunedWeightsStayZeroAndTheLargestStay() throws {
    let stream = try Clusters().stream()
    let learner = try Setting.plain.learner([GradualPruning()], stream: stream)
    try learner.begin(stream.experience(0))
    var before: [String: [Float]] = [:]
    while let session = learner.session, !session.isDone {
      try learner.step()
      for (path, parameter) in learner.model.backbone.parameters where parameter.value.rank > 1 {
        let values = try parameter.value.floats()
        for (was, now) in zip(before[path] ?? [], values) where was == 0 { #expect(now == 0) }
        before[path] = values
      }
    }
    try learner.end()
    try learner.learn(stream.experience(1))
    for (_, parameter) in learner.model.backbone.parameters where parameter.value.rank > 1 {
      let values = try parameter.value.floats()
      #expect(values.count { $0 == 0 } == Int((0.8 * Double(values.count)).rounded()))
    }
  }
}

extension CompressionTests {
  /// DoReFa leaves the first layer and the head as they are: of this model nothing is left to round.
  @Test func doReFaNeedsALayerInBetween() throws {
    let stream = try Clusters().stream()
    let strategy = Method.quantization { $0.scheme = .doReFa }
    let learner = try Setting.plain.learner([strategy], stream: stream)
    #expect(throws: StrategyError.self) { try learner.begin(stream.experience(0)) }
  }
}
