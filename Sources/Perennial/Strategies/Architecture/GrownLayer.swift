import Torch

/// A layer with the weights and adapters that tasks made for it; the first task's weights are the architecture's own.
final class GrownLayer: Module {
  private let stage: Stage
  private let parts: Stage.Parts
  private let rank: Int
  private var weights: [Int: LayerWeights] = [:]
  private var adapters: [LayerOperator: ParallelAdapter] = [:]

  init(_ stage: Stage, rank: Int) throws {
    guard let parts = stage.parts, let weight = stage.weight else {
      throw StrategyError.model("learn-to-grow", "has nothing to put beside `\(stage.name)`")
    }
    (self.stage, self.parts) = (stage, parts)
    self.rank = min(rank, stage.width)
    weights[0] = LayerWeights(weight, stage.bias)
    super.init()
  }

  /// Sees the output, of whichever option.
  var tap: Tap { stage.tap }

  /// Whether the layer is a matrix and takes rows.
  var isMatrix: Bool { weights[0]?.weight.value.rank == 2 }

  /// The values of the layer's own weights.
  var size: Int { weights[0]?.count ?? 0 }

  /// What a task that comes at a place adds by an option.
  func growth(_ option: LayerOperator, at place: Int) -> Int {
    if option.weights == place { return weights[place]?.count ?? 0 }
    return option.adapter == place ? adapters[option]?.learnedCount ?? 0 : 0
  }

  /// The options that were added for a task: adapters beside older weights, then weights of its own.
  func made(by place: Int) -> [LayerOperator] {
    adapters.keys.filter { $0.adapter == place }.sorted { $0.weights < $1.weights }
      + (weights[place] == nil ? [] : [LayerOperator(weights: place)])
  }

  /// Adds the weights of a fresh stage for a task, and an adapter of its own beside all others.
  func expand(_ fresh: Stage, place: Int, _ generator: Generator) throws {
    guard let weight = fresh.weight, let before = weights[0]?.weight.value else { return }
    for other in weights.keys.sorted() {
      let key = LayerOperator(weights: other, adapter: place)
      let adapter = try ParallelAdapter(before, rank: rank, parts, generator)
      adapters[key] = adapter
      register(Name.Part(key).name, adapter)
    }
    let own = LayerWeights(
      Parameter(try weight.value.detach()), try fresh.bias.map { Parameter(try $0.value.detach()) },
      registers: true)
    weights[place] = own
    register(Name.Part(LayerOperator(weights: place)).name, own)
  }

  /// Takes away what a task added and does not use.
  func discard(place: Int, except choice: LayerOperator) {
    discard(place: place) { $0 != Name.Part(choice) }
  }

  func discard(place: Int, where isUnused: (Name.Part) -> Bool) {
    for option in made(by: place) where isUnused(Name.Part(option)) {
      if option.adapter == nil {
        if let gone = weights.removeValue(forKey: option.weights) { unregister(gone) }
      } else if let gone = adapters.removeValue(forKey: option) {
        unregister(gone)
      }
    }
  }

  /// The layer's output for a task that uses one option.
  func callAsFunction(_ input: Tensor, _ option: LayerOperator) throws -> Tensor {
    try stage.tap(stage.gate(ungated(input, option)))
  }

  /// Σ_c share_c · output_c
  ///
  /// - Parameter shares: `[options]`
  func mixed(_ input: Tensor, _ options: [LayerOperator], shares: Tensor) throws -> Tensor {
    let outputs = try options.enumerated().map { try ungated(input, $1) * shares[$0] }
    return try stage.tap(stage.gate(outputs.dropFirst().reduce(outputs[0]) { try $0 + $1 }))
  }

  private func ungated(_ input: Tensor, _ option: LayerOperator) throws -> Tensor {
    guard let own = weights[option.weights] else {
      throw TorchError(.other, "layer `\(stage.name)` has no weights of the task at place \(option.weights)")
    }
    let output = try parts.affine(input, own.weight.value, own.bias?.value)
    return try parts.activation(adapters[option].map { try output + $0(input, parts) } ?? output)
  }
}

extension GrownLayer {
  /// A part of a layer by its name in checkpoints: `3`, the weights of the task at place 3; `0+3`, its adapter beside those
  /// of place 0.
  struct Name {
    struct Part: Hashable {
      let name: String
      let place: Int

      init(_ option: LayerOperator) {
        name = option.adapter.map { "\(option.weights)+\($0)" } ?? "\(option.weights)"
        place = option.adapter ?? option.weights
      }

      init?(_ name: String) {
        guard let place = name.split(separator: "+").last.flatMap({ Int($0) }) else { return nil }
        (self.name, self.place) = (name, place)
      }
    }

    let layer: Int
    let part: Part
    var place: Int { part.place }

    /// Of `grown.1.0+3.down`.
    init?(path: String) {
      let words = path.split(separator: ".").map(String.init)
      guard words.count > 3, words[0] == "grown", let layer = Int(words[1]), let part = Part(words[2]) else {
        return nil
      }
      (self.layer, self.part) = (layer, part)
    }
  }
}

/// The weights `[width, …]` and biases of a layer.
private final class LayerWeights: Module {
  let weight: Parameter
  let bias: Parameter?

  /// - Parameter registers: false where they are part of another module already.
  init(_ weight: Parameter, _ bias: Parameter?, registers: Bool = false) {
    (self.weight, self.bias) = (weight, bias)
    super.init()
    guard registers else { return }
    register("weight", weight)
    register("bias", bias)
  }

  var count: Int { weight.value.count + (bias?.value.count ?? 0) }
}

/// A few units in parallel to a layer: up · affine(x, down), 0 at the start.
private final class ParallelAdapter: Module {
  /// The layer's own kind of map to `rank` units or channels, and the matrix `[width, rank]` from there.
  private let down: Parameter
  private let up: Parameter

  init(_ weight: Tensor, rank: Int, _ parts: Stage.Parts, _ generator: Generator) throws {
    let (shape, isMatrix) = (weight.shape, weight.rank == 2)
    let values = try Initializer.kaimingUniform(
      [rank] + shape.dropFirst(), slope: 5.0.squareRoot(), generator)
    down = Parameter(isMatrix ? values : try values.channelsLast(), kind: .adapter)
    up = Parameter(try Tensor.zeros([shape[0], rank] + (isMatrix ? [] : [1, 1])), kind: .adapter)
    super.init()
    register("down", down)
    register("up", up)
  }

  func callAsFunction(_ input: Tensor, _ parts: Stage.Parts) throws -> Tensor {
    let inner = try parts.affine(input, down.value, nil)
    return try up.value.rank == 2 ? inner.linear(up.value) : inner.conv2d(up.value)
  }
}
