import Testing
import Torch

@testable import Perennial

@Suite struct ProgressiveNetworksTests {
  private static func columns(_ count: Int, _ options: ProgressiveNetworks.Options = .init()) throws
    -> ProgressiveColumns
  {
    let random = RandomStreams(seed: 5)
    func fresh() throws -> LayersBackbone {
      let generator = try random.stream("initialization")
      return try LayersBackbone(
        4,
        [
          "a": Linear(6, 5, generator), "first": Activation(.relu), "b": Linear(5, 4, generator),
          "second": Activation(.relu),
        ])
    }
    let columns = try ProgressiveColumns(fresh(), options: options, random, fresh: fresh)
    for _ in 1..<count { try columns.add() }
    return columns
  }

  /// Laterals go from the first hidden layer into the second and from the last into the head, of all three columns.
  @Test func theForwardPassMatchesTheReference() throws {
    let golden = try GoldenTensors("isolation")
    let columns = try Self.columns(3)
    let parameters = golden.all("progressive.parameters")
    try columns.load(parameters.filter { !$0.key.hasPrefix("head.") })
    for column in 0..<3 {
      columns.selected = column
      let outputs = try columns(golden["progressive/inputs"]).linear(
        golden["progressive.parameters/head.weight"], bias: golden["progressive.parameters/head.bias"])
      expectNear(outputs, try golden["progressive/outputs\(column)"], "column \(column)")
    }
  }

  /// Two columns of 6 → 5 → 4, V of 5 → 5 with U of 5 → 4 into the second layer, and V of 4 → 4 into the head.
  @Test func whatAnAnswerTakesIsCountedInAllColumns() throws {
    let columns = try Self.columns(2)
    columns.selected = 1
    let input = try Tensor.ones([1, 6])
    let count = try noGrad { try Runtime.multiplyAdds { _ = try columns(input) } }
    #expect(count == 2 * (6 * 5 + 5 * 4) + 5 * 5 + 5 * 4 + 4 * 4)
  }

  /// The first hidden layer gives laterals and takes none: nothing reads raw inputs but each column's own first layer.
  @Test func theFirstLayerTakesNoLaterals() throws {
    let columns = try Self.columns(2)
    let adapters = columns.parameters.filter { $0.path.hasPrefix("column1.adapter") }
    #expect(
      adapters.map { "\($0.path) \($0.parameter.value.shape)" } == [
        "column1.adapter1.alpha [1]", "column1.adapter1.U [4, 5]", "column1.adapter1.V.weight [5, 5]",
        "column1.adapter1.V.bias [5]", "column1.adapter2.alpha [1]", "column1.adapter2.V.weight [4, 4]",
        "column1.adapter2.V.bias [4]",
      ])
  }

  /// Every adapter takes part in learning; earlier columns do not.
  @Test func gradientsReachAdaptersAndNotEarlierColumns() throws {
    let columns = try Self.columns(3)
    let vector = try ParameterVector(columns.trainableParameters)
    #expect(vector.layout.slots.allSatisfy { $0.path.hasPrefix("column2.") })
    let generator = try Generator(seed: 9)
    try vector.backward(columns(Tensor.normal([32, 6], generator)).square().sum())
    for slot in vector.layout.slots {
      #expect(try vector.layout.view(slot, of: vector.gradients).abs().sum().item() > 0, "\(slot.path)")
    }
  }

  @Test func convolutionsHaveAdaptersOfOneByOneAndOfTheirOwnKernels() throws {
    let random = RandomStreams(seed: 5)
    func fresh() throws -> LayersBackbone {
      let generator = try random.stream("initialization")
      let pool = Pool2d(.max, kernel: 2)
      return try LayersBackbone(
        7,
        [
          "conv1": Conv2d(1, 3, kernel: 3, padding: 1, generator), "1": Lambda { try pool($0).relu() },
          "conv2": Conv2d(3, 4, kernel: 3, padding: 1, generator), "2": Lambda { try pool($0).relu() },
          "fc": Linear(16, 7, generator), "3": Activation(.relu),
        ])
    }
    var options = ProgressiveNetworks.Options()
    options.adapter = 2
    let columns = try ProgressiveColumns(fresh(), options: options, random, fresh: fresh)
    try columns.add()
    try columns.add()
    let shapes = Dictionary(
      uniqueKeysWithValues: columns.parameters.map { ($0.path, $0.parameter.value.shape) })
    #expect(shapes["column2.adapter1.V.weight"] == [2, 6, 1, 1])
    #expect(shapes["column2.adapter1.U"] == [4, 2, 3, 3])
    #expect(shapes["column2.adapter2.V.weight"] == [2, 8, 1, 1])
    #expect(shapes["column2.adapter2.U"] == [7, 8])
    let output = try columns(Tensor.ones([5, 1, 8, 8]).channelsLast())
    #expect(output.shape == [5, 9])
  }

  @Test func theModelGrowsByAColumnATask() throws {
    let (learner, _) = try IsolationTests.answers([ProgressiveNetworks()], optimizer: SGD(learningRate: 0.1))
    let columns = try #require(learner.model.backbone as? ProgressiveColumns)
    #expect(columns.count == 3)
    #expect(learner.model.learnedCount > 3 * (8 * 16 + 16))
    #expect(learner.model.parameterCount < learner.model.learnedCount)
  }

  @Test func aBackboneInOnePieceIsRefused() throws {
    final class Whole: Module, Backbone {
      let featureCount = 3
      func callAsFunction(_ input: Tensor) throws -> Tensor { input }
    }
    let blueprint = Blueprint { random in
      Network(Whole(), head: try LinearHead(features: 3, random.stream("head")))
    }
    #expect(throws: StrategyError.self) {
      try Learner(
        blueprint, optimizer: SGD(learningRate: 0.1), strategies: [ProgressiveNetworks()],
        pipeline: InputPipeline())
    }
  }
}
