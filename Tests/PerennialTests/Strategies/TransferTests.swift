import Testing
import Torch

@testable import Perennial

/// Two layers as two stages.
private final class TwoStages: Module, Backbone {
  let featureCount = 12
  let stages: [Stage]

  init(_ generator: Generator) throws {
    let first = try Linear(8, 10, generator)
    let norm = try BatchNorm(10)
    let second = try Linear(10, 12, generator)
    stages = [
      Stage("first", width: 10, weight: first.weight, bias: first.bias) { try norm(first($0)).relu() },
      Stage("second", width: 12, weight: second.weight, bias: second.bias) { try second($0).relu() },
    ]
    super.init()
    register("first", first)
    register("norm", norm)
    register("second", second)
  }

  func callAsFunction(_ input: Tensor) throws -> Tensor { try stages.reduce(input) { try $1($0) } }
}

@Suite struct TransferTests {
  static var blueprint: Blueprint {
    Blueprint { random in
      let backbone = try TwoStages(random.stream("initialization"))
      return Network(backbone, head: try LinearHead(features: 12, random.stream("head")))
    }
  }

  static func learner(_ strategies: [any Strategy], _ stream: Perennial.Stream, steps: Int = 6) throws
    -> Learner
  {
    try Learner(
      blueprint, optimizer: Adam(learningRate: 0.01), strategies: strategies,
      options: TrainingOptions(batch: 8, length: .steps(steps)), pipeline: stream.pipeline, seed: 2)
  }

  @Test func layersAreCountedFromTheBottomAndNormalisationGoesWithItsLayer() throws {
    let depths = try Self.blueprint.make(RandomStreams(seed: 1)).depths()
    #expect(depths["first.weight"] == 0 && depths["norm.weight"] == 0 && depths["norm.running_mean"] == 0)
    #expect(depths["second.bias"] == 1 && depths["head.weight"] == 2)
  }

  @Test func theBackboneRestsAfterTheFirstExperience() throws {
    let stream = try Clusters().stream()
    let learner = try Self.learner([FeatureExtraction()], stream)
    let fresh = try learner.weights()
    try learner.learn(stream, 1)
    let first = try learner.weights()
    #expect(first["first.weight"] != fresh["first.weight"])
    try learner.learn(stream.experience(1))
    let second = try learner.weights()
    for path in ["first.weight", "norm.weight", "norm.running_mean", "second.bias"] {
      #expect(second[path] == first[path], "\(path) moved")
    }
    #expect(second["head.weight"] != first["head.weight"])
  }

  @Test func layersJoinFromTheTopEveryFewSteps() throws {
    let stream = try Clusters().stream()
    let learner = try Self.learner([Method.gradual(2)], stream)
    try learner.learn(stream, 1)
    try learner.begin(stream.experience(1))
    var moved: [Set<String>] = []
    while let session = learner.session, !session.isDone {
      let before = try learner.weights()
      try learner.step()
      let after = try learner.weights()
      let paths = before.keys.filter { before[$0] != after[$0] && $0.hasSuffix(".weight") }
      moved.append(Set(paths))
    }
    let head: Set = ["head.weight"]
    let all = head.union(["second.weight", "first.weight", "norm.weight"])
    #expect(moved == [head, head, head.union(["second.weight"]), head.union(["second.weight"]), all, all])
  }

  /// Adam divides a factor of the gradient out again; the factor must be of the update.
  @Test func factorsAreOfTheUpdateAndNotOfTheGradient() throws {
    let stream = try Clusters().stream()
    func step(_ strategies: [any Strategy]) throws -> (Tensor, Tensor, VectorLayout, Learner) {
      let learner = try Self.learner(strategies, stream)
      try learner.begin(stream.experience(0))
      let before = try learner.vector.snapshot()
      try learner.step()
      return try (before, noGrad { try learner.vector.values - before }, learner.vector.layout, learner)
    }
    let strategy = Method.discriminative { $0.after = 0 }
    let (_, plain, _, _) = try step([])
    let (_, scaled, layout, learner) = try step([strategy])
    let factors = try strategy.factors(learner.vector, learner.model)
    for slot in layout.slots {
      let expected =
        slot.path.hasPrefix("head") ? 1 : slot.path.hasPrefix("second") ? 1 / 2.6 : 1 / (2.6 * 2.6)
      let own = try layout.view(slot, of: factors)
      #expect(try abs(own.amax([]).item() - expected) < 1e-6 && abs(own.amin([]).item() - expected) < 1e-6)
    }
    expectNear(scaled, try plain * factors, relative: 1e-4)
  }

  @Test func aFactorOfZeroHoldsTheBackbone() throws {
    let stream = try Clusters().stream()
    let learner = try Self.learner([Method.discriminative { ($0.backbone, $0.after) = (0, 0) }], stream)
    let before = try learner.weights()
    try learner.learn(stream, 1)
    let after = try learner.weights()
    #expect(after["first.weight"] == before["first.weight"] && after["second.bias"] == before["second.bias"])
  }

  @Test func recipesFreezeAndStartFromGivenWeights() throws {
    let recipe = try TinyModality.recipe(training: ", freeze: backbone")
    #expect(recipe.training.freeze == .backbone && recipe.weights == nil)
    let stream = try TinyModality().stream(recipe, seed: 1)
    let network = try TinyModality().trainedBlueprint(recipe, for: stream).make(RandomStreams(seed: 1))
    #expect(network.trainableParameters.allSatisfy { $0.path.hasPrefix("head") })
    #expect(try TinyModality.recipe().training.freeze == .nothing)
    #expect(throws: ConfigurationError.self) { try TinyModality.recipe(training: ", freeze: toes") }
  }
}
