import Testing
import Torch

@testable import Perennial

@Suite struct ExpandableNetworksTests {
  /// Unit 2 of the second layer serves output 1 alone: a search from class 0 only would miss it and what feeds it.
  @Test func theSearchStartsFromAllOutputsOfTheTask() throws {
    let first = try Tensor([1, 0, 0, 1, 1, 1, 0, 0] as [Float], shape: [4, 2])
    let second = try Tensor([1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0] as [Float], shape: [3, 4])
    let outputs = try Tensor([0.5, 0, 0, 0, 0, -0.1] as [Float], shape: [2, 3])
    let reached = try ExpandableNetworks.reached([first, second, outputs]).map {
      try $0.to(.int64).integers()
    }
    #expect(reached == [[1, 0, 1, 0], [1, 0, 1]])
    let mistaken = try ExpandableNetworks.reached([first, second, outputs[0..<1]])
    #expect(try mistaken.map { try $0.to(.int64).integers() } == [[1, 0, 0, 0], [1, 0, 0]])
  }

  /// `argsort(drift)[:k]`, as the authors' code has it, would split those that hardly moved.
  @Test func theUnitsThatDriftedMostAreSplit() throws {
    let drift = try Tensor([0.06, 0.9, 0.01, 0.3, 0.07] as [Float])
    #expect(try ExpandableNetworks.drifted(drift, threshold: 0.05, most: 2).integers() == [1, 3])
    #expect(try ExpandableNetworks.drifted(drift, threshold: 0.05, most: 9).integers() == [1, 3, 4, 0])
    #expect(try ExpandableNetworks.drifted(drift, threshold: 1, most: 9).integers() == [])
  }

  private static func network() throws -> (Network, GrowingLayers) {
    let generator = try Generator(seed: 3)
    let backbone = LayersBackbone(
      4,
      [
        "a": try Linear(6, 5, generator), "first": Activation(.relu), "b": try Linear(5, 4, generator),
        "second": Activation(.relu),
      ])
    let head = try LinearHead(features: 4, outputs: 3, generator)
    let layers = try GrowingLayers(backbone.stages, head)
    let network = Network(backbone, head: head)
    network.register("den", layers)
    return (network, layers)
  }

  @Test func expansionPreservesTheFunction() throws {
    let (network, layers) = try Self.network()
    let generator = try Generator(seed: 4)
    let inputs = try Tensor.normal([7, 6], generator)
    let before = try network(inputs)
    try layers.expand(by: 3, stamp: 1, generator)
    #expect(layers.widths == [8, 7])
    #expect(layers.weights.map(\.value.shape) == [[8, 6], [7, 8]])
    #expect(layers.head.value.shape == [3, 7])
    expectNear(try network(inputs), before)
    #expect(try layers.stamps[0].value.integers() == [0, 0, 0, 0, 0, 1, 1, 1])
  }

  @Test func copiesGoInAndOutAsTheirUnits() throws {
    let (_, layers) = try Self.network()
    try layers.copyUnits([Tensor([3, 1]), Tensor([Int]())], stamp: 2)
    #expect(layers.widths == [7, 4])
    let (into, out) = (layers.weights[0].value, layers.weights[1].value)
    #expect(try into[5].equals(into[3]) && into[6].equals(into[1]))
    #expect(try out.select(5, dim: 1).equals(out.select(3, dim: 1)))
  }

  @Test func deadUnitsGoAgain() throws {
    let (network, layers) = try Self.network()
    let generator = try Generator(seed: 4)
    try layers.expand(by: 3, stamp: 1, generator)
    try noGrad { try layers.weights[0].value.detach()[6].zero() }
    let inputs = try Tensor.normal([7, 6], generator)
    let before = try network(inputs)
    try layers.removeDead(after: [5, 4])
    #expect(layers.widths == [7, 7])
    expectNear(try network(inputs), before)
  }

  private static func layers(_ learner: Learner) throws -> GrowingLayers { try learner.model.attached("den") }

  /// New units serve the tasks that had them only: timestamps.
  @Test func tasksUseTheUnitsThatTheyHad() throws {
    var options = ExpandableNetworks.Options()
    (options.units, options.lossThreshold) = (4, 0)
    let strategy = ExpandableNetworks(options)
    let (learner, _) = try IsolationTests.answers(
      [strategy], optimizer: Adam(learningRate: 0.01), length: .epochs(10), clip: nil)
    let layers = try Self.layers(learner)
    #expect(layers.widths[0] > 16 && layers.widths[0] <= 16 + 2 * 8)
    let stamps = try layers.stamps[0].value.integers()
    #expect(Set(stamps) == [0, 1, 2])
    for task in 0..<3 {
      try learner.select(task: task)
      let gate = try #require(learner.model.backbone.stages[0].gate.values)
      #expect(try gate.floats() == stamps.map { $0 <= task ? 1 : 0 })
    }
  }

  /// What follows weights through a step finds other vectors at its end.
  @Test(arguments: ["si", "rwalk"], [true, false])
  func layersGrowBesideWhatFollowsWeights(_ name: String, isFirst: Bool) throws {
    var options = ExpandableNetworks.Options()
    (options.units, options.lossThreshold) = (4, 0)
    let (den, other) = (ExpandableNetworks(options), try StrategyRegistry.make(Selection(name)))
    let (learner, _) = try IsolationTests.answers(
      isFirst ? [den, other] : [other, den], optimizer: Adam(learningRate: 0.01), clip: nil)
    #expect(try Self.layers(learner).widths[0] > 16)
    #expect(try learner.vector.values.isFinite().all().item() == 1)
  }

  /// A network that serves already does not grow, but for splits.
  @Test func withoutNeedItDoesNotGrow() throws {
    var options = ExpandableNetworks.Options()
    (options.lossThreshold, options.splitThreshold) = (1e9, 1e9)
    let (learner, _) = try IsolationTests.answers(
      [ExpandableNetworks(options)], optimizer: Adam(learningRate: 0.01))
    #expect(try Self.layers(learner).widths == [16])
  }

  /// A column a task costs more.
  @Test func itGrowsLessThanColumns() throws {
    let (den, _) = try IsolationTests.answers([ExpandableNetworks()], optimizer: Adam(learningRate: 0.01))
    let (columns, _) = try IsolationTests.answers(
      [ProgressiveNetworks()], optimizer: Adam(learningRate: 0.01))
    #expect(den.model.learnedCount < columns.model.learnedCount)
  }
}
