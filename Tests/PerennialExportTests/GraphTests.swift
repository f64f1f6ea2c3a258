import Perennial
import PerennialVision
import Testing
import Torch

@testable import PerennialExport

/// What graphs compute, run node by node on libtorch, against the models that they were made of.
struct GraphTests {
  @Test(arguments: try VisionCases.all()) func visionModels(_ example: ExportCase) throws {
    try example.check()
  }

  @Test(arguments: try TextCases.all()) func languageModels(_ example: ExportCase) throws {
    try example.check()
  }

  @Test func weightsKeepTheNamesOfCheckpoints() throws {
    let graph = try #require(try VisionCases.all().first { $0.name == "resnet18" }).graph
    for name in ["conv1.weight", "bn1.running_mean", "layer2.0.downsample.0.weight", "head.weight"] {
      #expect(graph.constants[name] != nil, "\(name)")
    }
    #expect(graph.metadata["labels"]?.contains("class \\\"4\\\"") == true)
  }

  @Test func aTiedWeightIsThereOnce() throws {
    let (_, model) = try #require(try TextCases.models().first { $0.0 == "qwen2" })
    let graph = try Graph(model)
    let tables = graph.constants.filter { $0.value.shape == [TextCases.vocabulary, 16] }
    #expect(tables.map(\.key) == ["model.embed_tokens.weight"])
    #expect(!graph.constants.values.contains { $0.shape == [16, TextCases.vocabulary] })
  }

  @Test func aLayerThatCannotBeExportedIsNamedWithItsPath() throws {
    let backbone = HiddenLambda()
    let network = Network(backbone, head: try LinearHead(features: 3, outputs: 2, Generator(seed: 0)))
    #expect(throws: ExportError.layer(path: "body.1", type: "Lambda")) {
      try Graph(network, input: .numbers(shape: [3]))
    }
    let neighbours = Network(
      try MLP(inputs: 3, hidden: [3], Generator(seed: 0)), head: try NearestNeighboursHead(features: 3))
    #expect(throws: ExportError.layer(path: "head", type: "NearestNeighboursHead")) {
      try Graph(neighbours, input: .numbers(shape: [3]))
    }
  }

  @Test func statesThatAGraphCannotHoldAreRefused() throws {
    let backbone = try SmallCNN(input: [1, 8, 8], channels: [4], hidden: 5, Generator(seed: 0))
    let network = Network(backbone, head: try LinearHead(features: 5, outputs: 2, Generator(seed: 0)))
    backbone.stages[0].gate.values = try Tensor.ones([2, 4])
    #expect(throws: ExportError.state(path: "conv1", problem: "its gate differs from item to item")) {
      try Graph(network, input: .numbers(shape: [1, 8, 8]))
    }
    backbone.stages[0].gate.values = nil
    let layer = try #require(backbone.child("fc1") as? Linear)
    layer.inputFilter = { $0 }
    #expect(throws: ExportError.self) { try Graph(network, input: .numbers(shape: [1, 8, 8])) }
    layer.inputFilter = nil
    #expect(throws: ExportError.values("3 labels do not name 2 outputs")) {
      try Graph(network, input: .numbers(shape: [1, 8, 8]), labels: ["a", "b", "c"])
    }
  }

  @Test func inputsThatDoNotFitAreRefused() throws {
    let example = try #require(try VisionCases.all().first { $0.name == "mlp" })
    let runner = try GraphRunner(example.graph)
    #expect(throws: ExportError.values("the input `features` is missing")) { try runner([:]) }
    #expect(throws: ExportError.self) { try runner(["features": Tensor.zeros([2, 13])]) }
    #expect(throws: ExportError.self) { try runner(["features": Tensor.zeros([2, 12], dtype: .int64)]) }
  }

  @Test func graphsThatDoNotHangTogetherAreRefused() throws {
    var graph = try #require(try VisionCases.all().first { $0.name == "mlp" }).graph
    let node = graph.nodes.removeFirst()
    #expect(throws: ExportError.self) { try GraphRunner(graph) }
    graph.nodes.insert(node, at: 0)
    graph.nodes.insert(node, at: 0)
    #expect(throws: ExportError.self) { try GraphRunner(graph) }
    graph.nodes.removeFirst()
    graph.nodes[0].operation = "Loop"
    #expect(throws: ExportError.self) { try GraphRunner(graph) }
  }
}

/// A backbone with a function that nobody can look into.
private final class HiddenLambda: Module, Backbone, ExportableLayer {
  let featureCount = 3
  private let body = Sequential([Flatten(), Lambda { $0 }])

  override init() {
    super.init()
    register("body", body)
  }

  func callAsFunction(_ input: Tensor) throws -> Tensor { try body(input) }

  func emit(into graph: GraphBuilder, _ input: GraphValue) throws -> GraphValue {
    try graph.emit(body, input)
  }
}
