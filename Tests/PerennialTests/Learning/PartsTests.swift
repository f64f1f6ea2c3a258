import Testing
import Torch

@testable import Perennial

/// Batches in parts, blocks that are run again, products in bfloat16: what must not change, does not.
@Suite struct PartsTests {
  static func learner(_ strategies: [any Strategy], accumulate: Int, _ setting: Setting = .plain) throws -> (
    Learner, Perennial.Stream
  ) {
    let stream = try setting.stream()
    let learner = try Learner(
      setting == .texts ? .tinyReader() : .tiny(), optimizer: SGD(learningRate: 0.02, momentum: 0.9),
      strategies: strategies,
      options: TrainingOptions(batch: 7, length: .epochs(2), accumulate: accumulate),
      pipeline: stream.pipeline,
      seed: 7)
    return (learner, stream)
  }

  /// `knn-lm` and `sequence-kd` need a language model: SmallStepTests.
  static let takingParts = (Method.all + Method.answering + Method.weightlessTransfer + Method.multiTask)
    .filter { $0.make().allSatisfy { !$0.seesBatch } }

  /// Gradients of parts add up to those of the whole, beside every strategy that says so: the same weights, up to rounding.
  @Test(arguments: takingParts, [2, 3, 100])
  func partsAreTheWhole(method: Method, parts: Int) throws {
    let (whole, stream) = try Self.learner(method.make(), accumulate: 1, method.setting)
    let (split, _) = try Self.learner(method.make(), accumulate: parts, method.setting)
    let (one, other) = (try whole.learn(stream), try split.learn(stream))
    for (a, b) in zip(one, other) { #expect(abs(a - b) < 1e-4 * max(a, 1)) }
    expectNear(split.vector.values, whole.vector.values, relative: 2e-4)
  }

  @Test func mostStrategiesTakeParts() {
    #expect(Self.takingParts.count > 40)
    let names = Set(Self.takingParts.flatMap { $0.make().map(\.name) })
    #expect(names.isSuperset(of: ["joint", "o-lora", "distillation", "packnet", "knn", "replay", "ewc"]))
    // A graph of their own, items' tasks, items that do not count, places in the batch.
    for name in ["hat", "soft-sharing", "cross-stitch", "der", "lwf"] {
      #expect(!names.contains(name), "\(name)")
    }
    for term in ["{kd: {confidence: probability}}", "rkd"] {
      #expect(
        throws: Never.self, "\(term)",
        performing: {
          let node = try ConfigurationNode(
            yaml: "[{distillation: {teacher: past-self, terms: [\(term)]}}]", source: "test")
          let strategy = try StrategyRegistry.make(node.decode([Selection].self)[0])
          #expect(strategy.seesBatch && strategy.seesOutputs, "\(term)")
        })
    }
  }

  @Test func whatLooksAtBatchesIsRefused() throws {
    let error = #expect(throws: LearnerError.self) {
      try Self.learner([Method.lwf()], accumulate: 2)
    }
    #expect("\(try #require(error))".contains("lwf looks at whole batches"))
    #expect(throws: LearnerError.recompute) {
      try Blueprint.tiny().recomputing().make(RandomStreams(seed: 1))
    }
  }

  /// A product in bfloat16 is that of the rounded factors; gradients reach the float32 weights.
  @Test func productsInBfloat16() throws {
    let generator = try Generator(seed: 2)
    let layer = try Linear(9, 5, generator)
    let input = try Tensor.normal([4, 9], generator)
    let whole = try layer(input)
    layer.precision = .bfloat16
    let half = try layer(input)
    #expect(half.dtype == .float32)
    let bias = try #require(layer.bias?.value)
    let expected = try input.to(.bfloat16).linear(layer.weight.value.to(.bfloat16), bias: bias.to(.bfloat16))
    #expect(try half.equals(expected.to(.float32)) && !half.equals(whole))
    expectNear(half, whole, relative: 2e-2)
    try layer.weight.value.setRequiresGrad(true)
    try layer(input).square().sum().backward()
    let gradient = try layer.weight.value.gradient
    #expect(try #require(gradient).dtype == .float32)
    expectNear(try #require(gradient), try (whole * 2).T.matmul(input), relative: 4e-2)
  }
}
