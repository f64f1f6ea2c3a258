import Perennial
import PerennialExport
import PerennialVision
import Torch

/// Vision models, each with random weights, biases and statistics.
enum VisionCases {
  static let labels = 5

  static func all() throws -> [ExportCase] {
    try backbones().map {
      try make($0, $1, LinearHead(features: $1.featureCount, Generator(seed: 1)), input: $2)
    }
      + heads().map {
        try make(
          "head-\($0)", MLP(inputs: 6, hidden: [7], Generator(seed: 2)), $1, input: [6],
          isSeen: $0 != "linear")
      } + special()
  }

  static func backbones() throws -> [(String, any Backbone, [Int])] {
    let random = try Generator(seed: 3)
    let masks = try Dropout(0.5, Generator(seed: 4))
    return try [
      ("mlp", MLP(inputs: 12, hidden: [9, 8], random), [12]),
      ("mlp-images", MLP(inputs: 48, hidden: [9], activation: .gelu, dropout: masks, random), [3, 4, 4]),
      ("linear-classifier", MLP(inputs: 12, hidden: [], random), [12]),
      ("lenet", LeNet(input: [1, 28, 28], random), [1, 28, 28]),
      ("lenet-colour", LeNet(input: [3, 32, 32], padding: 0, random), [3, 32, 32]),
      ("small-cnn", SmallCNN(input: [3, 17, 16], channels: [4, 6], hidden: 10, random), [3, 17, 16]),
      ("strided-cnn", StridedCNN(input: [1, 28, 28], channels: 6, random), [1, 28, 28]),
      ("slim-resnet18", ResNet.slim18(width: 4, random), [3, 16, 16]),
      ("resnet18", ResNet.resNet18(width: 4, random), [3, 16, 16]),
      ("cifar-resnet20", ResNet.cifar(depth: 20, width: 4, random), [3, 16, 15]),
      ("cifar-resnet8-b", ResNet.cifar(depth: 8, width: 4, shortcut: .projection(), random), [3, 16, 16]),
    ]
      + Activation.Function.allCases.map { function in
        ("mlp-\(function.rawValue)", try MLP(inputs: 5, hidden: [6], activation: function, random), [5])
      }
  }

  static func heads() throws -> [(String, any Head)] {
    let random = try Generator(seed: 5)
    let fixed = try FixedHead(features: 7, capacity: 9, random)
    return try [
      ("fixed", fixed), ("cosine", CosineHead(features: 7, random)),
      ("local-similarity", LocalSimilarityHead(features: 7, proxies: 3, scale: 4, random)),
      ("nearest-class-mean", NearestClassMeanHead(features: 7, random)),
      ("streaming-lda", StreamingLDAHead(features: 7)), ("ridge", RidgeHead(features: 7, width: 20, random)),
    ]
  }

  /// States that strategies leave behind, and layers that no model of the library is made of.
  static func special() throws -> [ExportCase] {
    let random = try Generator(seed: 6)
    let gated = try SmallCNN(input: [1, 8, 8], channels: [4, 6], hidden: 10, random)
    for stage in gated.stages { stage.gate.values = try Tensor.uniform([stage.width], random) }
    let adapted = try MLP(inputs: 6, hidden: [7, 8], random)
    for (name, hasMagnitude) in [("lora", false), ("dora", true)] {
      var configuration = LowRankConfiguration()
      configuration.rank = 2
      configuration.targets = .named([hasMagnitude ? "layers.1" : "layers.0"])
      configuration.hasMagnitude = hasMagnitude
      _ = try adapted.addAdapters(name, configuration, RandomStreams(seed: 7))
    }
    let behind = try BottleneckAdapter(
      for: adapted.adaptableLayers[0].layer, width: 3, random)
    adapted.register("bottleneck", behind)
    adapted.adaptableLayers[0].layer.adapters.append(behind)
    func head(_ backbone: any Backbone) throws -> LinearHead {
      try LinearHead(features: backbone.featureCount, random)
    }
    let mixed = try MixedLayers(random)
    return [
      try make("gated", gated, head(gated), input: [1, 8, 8]),
      try make("adapted", adapted, head(adapted), input: [6]),
      try make("mixed-layers", mixed, head(mixed), input: [4, 6, 6]),
    ]
  }

  static func network(
    _ backbone: any Backbone, _ head: any Head, input shape: [Int], isSeen: Bool = false
  ) throws -> Network {
    let random = try Generator(seed: 8)
    let network = Network(backbone, head: head)
    try noGrad {
      for (path, parameter) in network.parameters where parameter.value.dtype == .float32 {
        guard !path.hasPrefix("head.") else { continue }
        let change = try Tensor.uniform(parameter.value.shape, random) * 0.5
        try parameter.value.add(change)
      }
      try head.grow(to: labels, random)
      // Two classes stay unseen where heads count.
      let features = try Tensor.normal([24, backbone.featureCount], random)
      if isSeen { try head.prepare(features, Tensor((0..<24).map { $0 % (labels - 2) })) }
    }
    network.evaluate()
    return network
  }

  static func make(
    _ name: String, _ backbone: any Backbone, _ head: any Head, input shape: [Int], isSeen: Bool = false
  ) throws -> ExportCase {
    let network = try network(backbone, head, input: shape, isSeen: isSeen)
    let names = (0..<labels).map { "class \"\($0)\"" }
    return try noGrad {
      guard shape.count == 3 else {
        let rows = try Tensor.normal([3] + shape, Generator(seed: 9))
        return ExportCase(
          name: name, graph: try Graph(network, input: .numbers(shape: shape), labels: names),
          inputs: ["features": rows], expected: ["logits": try network(rows)])
      }
      let pipeline = try InputPipeline(
        mean: [0.1, 0.2, 0.3, 0.4].prefix(shape[0]).map { $0 },
        standardDeviation: [0.5, 0.6, 0.7, 0.8].prefix(shape[0]).map { $0 })
      let images = try (Tensor.uniform([3] + shape, Generator(seed: 9)) * 255).to(.uint8)
      let inputs = try pipeline(images, Tensor.arange(0, 3), augmentation: nil)
      return ExportCase(
        name: name, graph: try Graph(network, input: .pixels(shape: shape, pipeline), labels: names),
        inputs: ["image": images], expected: ["logits": try network(inputs)])
    }
  }
}

/// A backbone of a user's own: layers that the library's models do not have.
final class MixedLayers: Module, Backbone, ExportableLayer {
  let featureCount = 3
  private let body: Sequential

  init(_ random: Generator) throws {
    body = Sequential([
      try Conv2d(4, 6, kernel: 3, padding: 1, dilation: 1, groups: 2, random),
      try GroupNorm(groups: 3, channels: 6), Activation(.silu),
      Pool2d(.average, kernel: 3, stride: 2, padding: 1),
      try ConvTransposed2d(6, 4, kernel: 3, stride: 2, padding: 1, outputPadding: 1, random),
      try LayerNorm([6, 6]), Flatten(), try Linear(144, 3, random),
    ])
    super.init()
    register("body", body)
  }

  func callAsFunction(_ input: Tensor) throws -> Tensor { try body(input) }

  func emit(into graph: GraphBuilder, _ input: GraphValue) throws -> GraphValue {
    try graph.emit(body, input)
  }
}
