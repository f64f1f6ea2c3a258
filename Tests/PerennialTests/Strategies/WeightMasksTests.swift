import Testing
import Torch

@testable import Perennial

@Suite struct WeightMasksTests {
  private static func network(_ random: RandomStreams) throws -> Network {
    let generator = try random.stream("initialization")
    let backbone = LayersBackbone(4, ["a": try Linear(6, 4, bias: false, generator)])
    return Network(backbone, head: try LinearHead(features: 4, generator))
  }

  /// The score of a masked weight has the gradient of the masked weight times the fixed one, masked out or not.
  @Test func thresholdsPassGradientsStraightThrough() throws {
    let golden = try GoldenTensors("isolation")
    let stream = try Clusters(width: 6).stream(.taskIncremental)
    let learner = try Learner(
      Blueprint(Self.network), optimizer: SGD(learningRate: 0.1), strategies: [WeightMasks()],
      pipeline: stream.pipeline)
    try learner.begin(stream.experience(0))
    let parameters = Dictionary(
      uniqueKeysWithValues: learner.model.parameters.map { ($0.path, $0.parameter) })
    try noGrad {
      try parameters["supsup.0.base"]?.value.copy(from: golden["masks/w"])
      try parameters["supsup.0.scores"]?.value.detach().copy(from: golden["masks/s"])
    }
    let batch = try learner.batch(of: stream.experience(0).examples, Tensor([0]), isAugmented: false)
    _ = try learner.strategies[0].rehearse(batch, learner)
    let weight = try #require(parameters["a.weight"])
    expectNear(weight.value, try golden["masks/weight"])
    try learner.vector.zeroGradients()
    try learner.vector.backward(learner.model.features(golden["masks/x"]).square().sum())
    let gradient = try #require(try parameters["supsup.0.scores"]?.value.gradient)
    expectNear(gradient, try golden["masks/gradient"], relative: 1e-4)
  }

  /// The network itself never learns.
  @Test func theFixedWeightsStay() throws {
    let (learner, _) = try IsolationTests.answers([WeightMasks()], optimizer: Adam(learningRate: 0.02))
    let base = try #require(learner.model.parameters.first { $0.path == "supsup.0.base" }).parameter.value
    expectNear(try base.abs().amax([]).item(), (2.0 / 8).squareRoot(), within: 1e-6)
    expectNear(try base.abs().amin([]).item(), (2.0 / 8).squareRoot(), within: 1e-6)
    #expect(
      learner.vector.layout.slots.allSatisfy { $0.path.hasPrefix("supsup.") || $0.path.hasPrefix("head.") })
  }

  /// Without a task the surest mask answers, for most items the right one.
  @Test func theTaskIsInferredByEntropy() throws {
    let clusters = Clusters(perClass: 40, spread: 0.2)
    let stream = try clusters.stream(.classIncremental)
    let learner = try Learner(
      .tiny(hidden: 64), optimizer: Adam(learningRate: 0.02), strategies: [WeightMasks()],
      options: TrainingOptions(batch: 8, length: .epochs(20)), pipeline: stream.pipeline, seed: 7)
    try learner.learn(stream)
    var right = 0
    var total = 0
    for index in 0..<stream.count {
      let test = try stream.test(index)
      let answers = try learner.predict(test.inputs).argmax(1).integers()
      let units = try learner.classes.units(for: test.targets).integers()
      right += zip(answers, units).filter { $0 == $1 }.count
      total += units.count
    }
    #expect(Double(right) / Double(total) > 0.5)
  }
}

@Suite struct CopyWeightsTests {
  @Test func consolidationMatchesTheReference() throws {
    let golden = try GoldenTensors("isolation")
    let first = try CopyWeights.consolidated(nil, with: golden["cwr/first"], counts: [5, 5], seen: [0, 0])
    expectNear(first, try golden["cwr/c1"])
    let second = try CopyWeights.consolidated(
      first, with: golden["cwr/second"], counts: [0, 20, 8], seen: [5, 5, 0])
    expectNear(second, try golden["cwr/c2"])
  }

  /// After the first experience only the head learns, and what is asked keeps the rows of absent classes bit for bit.
  @Test func theBackboneAndTheRowsOfAbsentClassesStay() throws {
    let stream = try Clusters(spread: 0.3).stream(.classIncremental)
    let strategy = CopyWeights()
    let learner = try Learner(
      .tiny(hidden: 32), optimizer: Adam(learningRate: 0.01), strategies: [strategy],
      options: TrainingOptions(batch: 8, length: .epochs(5)), pipeline: stream.pipeline, seed: 7)
    try learner.learn(stream.experience(0))
    let weight = try #require(learner.model.backbone.stages[0].weight)
    let before = try weight.value.detach().data()
    let rows = try strategy.state().requireTensor("weight")
    try learner.learn(stream.experience(1))
    try learner.learn(stream.experience(2))
    #expect(try weight.value.detach().data() == before)
    let consolidated = try strategy.state().requireTensor("weight")
    #expect(consolidated.shape == [6, 32])
    #expect(try consolidated[0..<2].equals(rows))
    let head = try #require(learner.model.head as? LinearHead)
    #expect(try !head.weight.value.detach()[0..<2].equals(rows), "the head that learns is another")
  }
}
