import Testing
import Torch

@testable import Perennial

@Suite struct FrozenFeaturesTests {
  static func learner(
    _ strategies: [any Strategy] = [], stream: Perennial.Stream,
    head: @escaping @Sendable (Int, Generator) throws -> any Head = { try LinearHead(features: $0, $1) }
  ) throws -> Learner {
    try Learner(
      Blueprint.tiny(batchNorm: true, dropout: 0.5, head: head).withFrozenBackbone(),
      optimizer: Adam(learningRate: 0.01), strategies: strategies, options: TrainingOptions(batch: 8),
      pipeline: stream.pipeline, seed: 4)
  }

  @Test func aFrozenBackboneRestsWithItsStatisticsAndItsDropout() throws {
    let stream = try Clusters().stream()
    let learner = try Self.learner(stream: stream)
    let before = try learner.weights()
    let inputs = try stream.test(0).inputs
    let features = try noGrad { try learner.model.features(inputs) }
    try learner.learn(stream)
    let after = try learner.weights()
    for (path, bytes) in before where !path.hasPrefix("head") {
      #expect(after[path] == bytes, "\(path) moved")
    }
    #expect(learner.vector.layout.slots.map(\.path) == ["head.weight", "head.bias"])
    learner.model.train()
    #expect(try noGrad { try learner.model.features(inputs) }.equals(features), "dropout dropped")
  }

  /// Nothing to train at all: the step skips backward and optimizer, and everything else goes on.
  @Test(arguments: 0..<FrozenFeatureHeadTests.makers.count)
  func aLearnerWithoutTrainableParametersLearns(which: Int) throws {
    let stream = try Clusters(spread: 0.3).stream()
    let learner = try Self.learner(stream: stream, head: FrozenFeatureHeadTests.makers[which].make)
    let losses = try learner.learn(stream)
    #expect(learner.vector.count == 0 && losses.allSatisfy(\.isFinite))
    var right = 0.0
    for index in 0..<stream.count {
      let test = try stream.test(index)
      let units = try learner.classes.units(for: test.targets)
      right += try Classification().score(learner.predict(test.inputs), units) / Double(stream.count)
    }
    #expect(right > 0.8, "\(FrozenFeatureHeadTests.makers[which].name) is right in \(right)")
  }

  /// Statistics of frozen features do not depend on which classes come first.
  @Test func streamingLDAForgetsNothingWhateverTheOrderOfClasses() throws {
    func outputs(_ order: [Int]) throws -> [Float] {
      let stream = try Clusters().stream { $0.classOrder = .given(order) }
      let learner = try Self.learner(stream: stream) { features, _ in try StreamingLDAHead(features: features)
      }
      try learner.learn(stream)
      let inputs = try Tensor.normal([10, 8], Generator(seed: 9))
      let outputs = try learner.predict(inputs)
      let units = try (0..<6).map { try #require(learner.classes.unit(of: $0)) }
      return try outputs.indexSelect(Tensor(units), dim: 1).floats()
    }
    let (one, other) = try (outputs([0, 1, 2, 3, 4, 5]), outputs([4, 1, 5, 0, 3, 2]))
    for (a, b) in zip(one, other) { #expect(abs(a - b) <= 1e-3 * (1 + abs(a))) }
  }

  @Test func aHeadThatLearnsIsNoFrozenHead() throws {
    let facts = StreamFacts(classes: 6, experiences: 3, scenario: .classIncremental)
    #expect(throws: StrategyError.self) { try FrozenHead(head: "cosine").check(facts) }
    try FrozenHead(head: "ridge").check(facts)
  }

  @Test func adaptationIsTheGoldenOneQuestionByQuestion() throws {
    let golden = try GoldenTensors("frozen_features")
    let strategy = Method.mbpa {
      ($0.neighbours, $0.steps, $0.learningRate, $0.decay) = (9, 4, 0.3, 0.2)
    }
    let weight = try golden["mbpa/weight"]
    let outputs = try noGrad {
      try strategy.adapt(
        golden["mbpa/queries"], golden["lda/items"], golden["lda/labels"], weight, golden["mbpa/bias"],
        Tensor.zeros([weight.shape[0]]))
    }
    expectNear(outputs, try golden["mbpa/outputs"], relative: 1e-4)
  }

  @Test func adaptationWithoutStepsAnswersAsTheHead() throws {
    let stream = try Clusters().stream()
    let learner = try Setting.plain.learner([Method.mbpa { $0.steps = 0 }], stream: stream)
    let plain = try Setting.plain.learner([], stream: stream)
    try learner.learn(stream)
    try plain.learn(stream)
    let inputs = try stream.test(0).inputs
    #expect(try learner.predict(inputs).equals(plain.predict(inputs)))
  }

  /// What it is for: the output layer has forgotten, the memory has not.
  @Test func adaptationRecallsWhatTheHeadForgot() throws {
    func accuracy(_ strategies: [any Strategy]) throws -> Double {
      let stream = try Clusters(spread: 0.4).stream()
      let learner = try Learner(
        .tiny(), optimizer: SGD(learningRate: 0.05), strategies: strategies,
        options: TrainingOptions(batch: 8, length: .epochs(10)), pipeline: stream.pipeline, seed: 1)
      try learner.learn(stream)
      let test = try stream.test(0)
      return try Classification().score(
        learner.predict(test.inputs), learner.classes.units(for: test.targets))
    }
    let strategy = Method.mbpa { ($0.memory, $0.neighbours, $0.learningRate, $0.steps) = (60, 8, 1, 10) }
    let (with, without) = try (accuracy([strategy]), accuracy([]))
    #expect(without < 0.5 && with > without + 0.3, "\(with) with adaptation, \(without) without")
  }
}
