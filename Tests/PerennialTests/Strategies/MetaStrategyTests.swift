import Testing
import Torch

@testable import Perennial

@Suite struct MetaStrategyTests {
  /// A learner of the golden network amid an experience, and the golden batch: four fresh items, three remembered.
  static func golden(_ golden: GoldenTensors) throws -> (Learner, Batch) {
    let (inputs, targets) = try (golden["batch/inputs"], golden["batch/targets"])
    let blueprint = Blueprint { _ in try MetaLearnerTests.network("mlp", golden) }
    let learner = try Learner(blueprint, optimizer: SGD(learningRate: 0.1), pipeline: InputPipeline())
    let examples = try Examples(inputs: inputs[0..<4], targets: targets[0..<4])
    try learner.begin(Experience(index: 0, name: "0", examples: examples))
    let fresh = try learner.batch(of: examples, Tensor.arange(0, 4), isAugmented: false)
    return try (learner, fresh.appending(inputs: inputs[4..<7], targets: targets[4..<7], tasks: nil))
  }

  static func vector(_ name: String, _ golden: GoldenTensors, _ learner: Learner) throws -> Tensor {
    try Tensor.concatenate(
      learner.vector.layout.slots.map { try golden["\(name)\($0.path)"].flatten() })
  }

  @Test(arguments: [true, false])
  func theLookaheadAndItsGradientsAreTheGoldenOnes(isSecondOrder: Bool) throws {
    let golden = try GoldenTensors("meta")
    let name = "la_maml_\(isSecondOrder ? "second" : "first")"
    let (learner, batch) = try Self.golden(golden)
    let strategy = Method.laMAML { ($0.parts, $0.secondOrder) = (2, isSecondOrder) }
    let rates = try Self.vector("\(name)/alpha.", golden, learner)
    try rates.setRequiresGrad(true)
    let value = try strategy.lookahead(learner, batch, learner.vector.derivableValues(), rates)
    expectNear(try value.item(), try golden["\(name)/value"].item(), within: 1e-5)
    try learner.vector.zeroGradients()
    try learner.vector.backward(value)
    expectNear(learner.vector.gradients, try Self.vector("\(name)/theta.", golden, learner))
    let slope = try #require(try rates.gradient)
    expectNear(slope, try Self.vector("\(name)/slope.", golden, learner))
  }

  @Test func theOuterLossOfOMLIsTheGoldenOne() throws {
    let golden = try GoldenTensors("meta")
    let (learner, batch) = try Self.golden(golden)
    let strategy = Method.oml { ($0.parts, $0.rate) = (2, 0.2) }
    let value = try strategy.outer(learner, batch, learner.vector.derivableValues())
    expectNear(try value.item(), try golden["oml/value"].item(), within: 1e-5)
    try learner.vector.zeroGradients()
    try learner.vector.backward(value)
    expectNear(learner.vector.gradients, try Self.vector("oml/", golden, learner))
  }

  /// Avalanche's La-MAML fills a buffer of its own and that of its replay plug-in (continual-learning-baselines#84):
  /// items are kept and rehearsed twice.
  @Test(arguments: ["la-maml", "oml"])
  func avalancheKeepsEveryItemInTwoBuffers(name: String) throws {
    let stream = try Clusters().stream()
    let strategy: any Strategy =
      name == "oml" ? Method.oml { $0.memory = 1000 } : Method.laMAML { $0.memory = 1000 }
    let spy = Spy()
    let learner = try Setting.plain.learner([strategy, spy], stream: stream)
    try learner.learn(stream, 2)
    let seen = spy.places.reduce(0) { $0 + $1.count }
    let row = try stream.experience(0).examples.inputs.byteCount / stream.experience(0).examples.count
    #expect(strategy.replayBytes >= seen * row && strategy.replayBytes < 2 * seen * row)
    let facts = StreamFacts(
      classes: 6, experiences: 3, scenario: .classIncremental, strategies: ["replay", name])
    #expect(throws: StrategyError.self) { try strategy.check(facts) }
    let alone = StreamFacts(classes: 6, experiences: 3, scenario: .classIncremental, strategies: [name])
    try strategy.check(alone)
  }
}
