import Testing
import Torch

@testable import Perennial

/// A backbone of any layers, registered under names.
final class LayersBackbone: Module, Backbone {
  let featureCount: Int
  private let layers: [any Layer]
  /// One for each linear or convolutional layer, with what follows it.
  let stages: [Stage]

  init(_ featureCount: Int, _ layers: KeyValuePairs<String, any Layer>) {
    self.featureCount = featureCount
    self.layers = layers.map { $0.value }
    stages = Self.stages(layers)
    super.init()
    for (name, layer) in layers { register(name, layer) }
  }

  func callAsFunction(_ input: Tensor) throws -> Tensor { try stages.reduce(input) { try $1($0) } }

  private static func stages(_ layers: KeyValuePairs<String, any Layer>) -> [Stage] {
    var groups: [[(key: String, layer: any Layer)]] = []
    for (key, layer) in layers {
      if groups.isEmpty || layer is Linear || layer is Conv2d { groups.append([]) }
      groups[groups.count - 1].append((key, layer))
    }
    // Pictures become rows; positions `[N, P, D]` stay.
    let flat: (Tensor) throws -> Tensor = { $0.rank == 4 ? try $0.flatten(from: 1) : $0 }
    return groups.map { group in
      let after: (Tensor) throws -> Tensor = { try group.dropFirst().reduce($0) { try $1.layer($0) } }
      let run: (Tensor) throws -> Tensor = { try group.reduce($0) { try $1.layer($0) } }
      switch group[0].layer {
      case let linear as Linear:
        return Stage(
          group[0].key, width: linear.weight.value.shape[0], weight: linear.weight, bias: linear.bias,
          parts: .init(activation: after) { try flat($0).linear($1, bias: $2) },
          run: { try run(flat($0)) })
      case let convolution as Conv2d:
        return Stage(
          group[0].key, width: convolution.weight.value.shape[0], weight: convolution.weight,
          bias: convolution.bias,
          parts: .init(activation: after) {
            try $0.conv2d($1, bias: $2, stride: convolution.stride, padding: convolution.padding)
          }, run: run)
      default: return Stage(group[0].key, width: 0, run: run)
      }
    }
  }
}

/// A head whose rows come from given matrices, in order, instead of a random stream.
final class RowsHead: Module, Head {
  let weight: Parameter
  let bias: Parameter
  private let rows: (weight: Tensor, bias: Tensor)
  private let isTaped: Bool

  /// - Parameter isTaped: whether per-sample gradients go by the rule for linear layers.
  init(_ weight: Tensor, _ bias: Tensor, isTaped: Bool = true) throws {
    rows = (weight, bias)
    self.isTaped = isTaped
    self.weight = Parameter(try weight[0..<0].clone(), kind: .head)
    self.bias = Parameter(try bias[0..<0].clone(), kind: .head)
    super.init()
    register("weight", self.weight)
    register("bias", self.bias)
  }

  var outputs: Int { weight.value.shape[0] }

  func grow(to outputs: Int, _ generator: Generator) throws {
    let new = self.outputs..<outputs
    guard !new.isEmpty else { return }
    try noGrad {
      weight.replace(with: try Tensor.concatenate([weight.value.detach(), rows.weight[new]]))
      bias.replace(with: try Tensor.concatenate([bias.value.detach(), rows.bias[new]]))
    }
  }

  func callAsFunction(_ features: Tensor) throws -> Tensor {
    let output = try features.linear(weight.value, bias: bias.value)
    return isTaped ? taped(self, input: features, output: output) : output
  }
}

extension RowsHead: InnerProductHead {}

extension RowsHead: PerSampleLayer {
  func gradientSums(_ magnitude: GradientMagnitude, input: Tensor, gradient: Tensor) throws
    -> [(Parameter, Tensor)]
  {
    try linearGradientSums(magnitude, weight: weight, bias: bias, input: input, gradient: gradient)
  }
}

extension Blueprint {
  /// `hidden` = Linear(8, 16), ReLU, perhaps batch normalisation and dropout, and a head that grows.
  static func tiny(
    inputs: Int = 8, hidden: Int = 16, batchNorm: Bool = false, dropout: Double = 0,
    head: @escaping (Int, Generator) throws -> any Head = { try LinearHead(features: $0, $1) }
  ) -> Blueprint {
    Blueprint { random in
      let initialization = try random.stream("initialization")
      let first = try Linear(inputs, hidden, initialization)
      let norm: any Layer = batchNorm ? try BatchNorm(hidden) : Lambda { $0 }
      let drop: any Layer = dropout > 0 ? Dropout(dropout, try random.stream("dropout")) : Lambda { $0 }
      let backbone = LayersBackbone(
        hidden, ["hidden": first, "norm": norm, "activation": Activation(.relu), "dropout": drop])
      return Network(backbone, head: try head(hidden, random.stream("head")))
    }
  }
}

extension Blueprint {
  /// A convolution, ReLU and a linear layer on pictures `[N, 1, 2, 4]`.
  static func tinyPictures(
    head: @escaping (Int, Generator) throws -> any Head = { try LinearHead(features: $0, $1) }
  ) -> Blueprint {
    Blueprint { random in
      let initialization = try random.stream("initialization")
      let backbone = LayersBackbone(
        12,
        [
          "conv": try Conv2d(1, 4, kernel: 3, padding: 1, initialization), "first": Activation(.relu),
          "hidden": try Linear(32, 12, initialization), "second": Activation(.relu),
        ])
      return Network(backbone, head: try head(12, random.stream("head")))
    }
  }
}

extension DataSource {
  /// Eight values a row as the bytes of a picture of 2×4.
  func asPictures() throws -> DataSource {
    func pictures(_ examples: Examples) throws -> Examples {
      let bytes = try (examples.inputs * 30 + 128).clamp(min: 0, max: 255).to(.uint8)
      return try Examples(
        inputs: bytes.reshape([examples.count, 1, 2, 4]), targets: examples.targets,
        identifiers: examples.identifiers)
    }
    return try DataSource(
      name: "pictures", train: pictures(train), test: pictures(test),
      pipeline: InputPipeline(mean: [0.5], standardDeviation: [0.25]))
  }
}

/// A source of Gaussian clusters, one a class: easy to learn, and different for every seed.
struct Clusters {
  var classes = 6
  var perClass = 12
  var perTest = 5
  var width = 8
  var spread = 0.7
  var seed: UInt64 = 3

  func source(pipeline: InputPipeline? = nil) throws -> DataSource {
    let generator = try Generator(seed: seed)
    let centres = try Tensor.normal([classes, width], generator) * 1.5
    func examples(_ count: Int, first: Int) throws -> Examples {
      let labels = try Tensor((0..<(classes * count)).map { $0 % classes })
      let noise = try Tensor.normal([classes * count, width], generator) * spread
      return try Examples(
        inputs: centres.indexSelect(labels) + noise, targets: labels,
        identifiers: Tensor.arange(first, first + classes * count))
    }
    return try DataSource(
      name: "clusters", train: examples(perClass, first: 0), test: examples(perTest, first: 10_000),
      pipeline: pipeline ?? InputPipeline())
  }

  func stream(
    _ scenario: Scenario = .classIncremental, experiences: Int = 3, pipeline: InputPipeline? = nil,
    seed: UInt64 = 1, _ change: (inout StreamPlan) -> Void = { _ in }
  ) throws -> Perennial.Stream {
    var plan = StreamPlan(scenario: scenario, experiences: experiences)
    change(&plan)
    return try plan.stream(of: source(pipeline: pipeline), seed: seed)
  }
}

extension InputPipeline {
  /// Noise on every training input, another on each draw.
  static func noisy() throws -> InputPipeline {
    try InputPipeline(augmentations: [{ try $0 + Tensor.normal($0.shape, $1) * 0.1 }])
  }
}

extension Learner {
  /// Learns the first `count` experiences of a stream, all when nil; gives the loss of every step.
  @discardableResult
  func learn(_ stream: Perennial.Stream, _ count: Int? = nil) throws -> [Double] {
    var losses: [Double] = []
    for index in 0..<(count ?? stream.count) {
      try begin(stream.experience(index))
      while let session, !session.isDone { losses.append(try step()) }
      try end()
    }
    return losses
  }

  /// All parameters and buffers, bit for bit.
  func weights() throws -> [String: [UInt8]] {
    try model.stateDictionary().mapValues { Array(try $0.data()) }
  }
}
