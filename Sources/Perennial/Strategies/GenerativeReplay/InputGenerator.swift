import Torch

/// A model of what inputs look like, learned beside the classifier with an optimizer of its own.
protocol InputGenerator: AnyObject {
  /// One step on inputs `[N, D]`, the loss of each item times its factor `[N]` of mean 1.
  func learn(_ inputs: Tensor, factors: Tensor, _ random: Generator) throws

  /// New inputs `[count, D]`, outside the graph.
  func sample(_ count: Int, _ random: Generator) throws -> Tensor

  func state() throws -> State
  func restore(_ state: State) throws
}

/// How a generator sees inputs `[N, …]`: flat rows `[N, D]`, pixels in [0, 1] where the inputs are images.
struct InputForm: Codable, Equatable {
  /// The shape of one model input.
  let shape: [Int]
  /// Whether values are shares of light, told apart by cross-entropy; else they are Gaussian with variance 1.
  let isPixels: Bool

  /// D
  var width: Int { shape.reduce(1, *) }

  init(_ inputs: Tensor, of examples: Examples) {
    shape = Array(inputs.shape.dropFirst())
    isPixels = examples.inputs.dtype == .uint8
  }

  func rows(_ inputs: Tensor, _ pipeline: InputPipeline) throws -> Tensor {
    // Random changes may leave the range by a rounding error, for which cross-entropy is not defined.
    let values = isPixels ? try pipeline.pixels(inputs).clamp(min: 0, max: 1) : inputs
    return try values.reshape([-1, width])
  }

  func inputs(_ rows: Tensor, _ pipeline: InputPipeline) throws -> Tensor {
    let values = try rows.reshape([-1] + shape)
    return isPixels ? try pipeline.inputs(ofPixels: values) : values
  }

  /// −log p(x) of each item `[N]` up to a constant, for outputs and rows `[N, D]`, in nats a value.
  func reconstructionLoss(_ outputs: Tensor, _ rows: Tensor) throws -> Tensor {
    isPixels
      ? try outputs.binaryCrossEntropy(rows, reduction: .none).mean([1])
      : try outputs.meanSquaredError(rows, reduction: .none).mean([1]) / 2
  }

  /// The mean of the distribution that outputs `[N, D]` stand for.
  func mean(_ outputs: Tensor) throws -> Tensor { isPixels ? try outputs.sigmoid() : outputs }
}

/// Layers of the given widths, each but a last one without activation followed by max(·, 0) or a leaky form of it.
final class Perceptron: Module, Layer {
  private let layers: [Linear]
  private let slope: Double

  init(_ widths: [Int], leak slope: Double = 0, _ generator: Generator) throws {
    layers = try zip(widths, widths.dropFirst()).map { try Linear($0, $1, generator) }
    self.slope = slope
    super.init()
    for (index, layer) in layers.enumerated() { register("\(index)", layer) }
  }

  func callAsFunction(_ input: Tensor) throws -> Tensor { try callAsFunction(input, gates: []) }

  /// - Parameter gates: factors `[N, width]` of hidden layers' units; layers without one are open.
  func callAsFunction(_ input: Tensor, gates: [Tensor]) throws -> Tensor {
    var x = input
    for (index, layer) in layers.enumerated() {
      x = try layer(x)
      guard index < layers.count - 1 else { break }
      x = slope > 0 ? try x.leakyReLU(slope: slope) : try x.relu()
      if gates.indices.contains(index) { x = try x * gates[index] }
    }
    return x
  }
}

/// Trainable parameters of a module outside the learner's model, with an optimizer of their own.
final class SideTraining {
  let module: Module
  private(set) var vector: ParameterVector
  private let optimizer: Adam

  init(_ module: Module, learningRate: Double, beta1: Double = 0.9, device: Device) throws {
    if device != .cpu { try module.move(to: device) }
    self.module = module
    vector = try ParameterVector(module.trainableParameters)
    optimizer = try Adam(learningRate: learningRate, beta1: beta1)
  }

  /// One step down a loss.
  func descend(_ loss: Tensor) throws {
    try vector.zeroGradients()
    try vector.backward(loss)
    try optimizer.step(vector)
  }

  /// One step by gradients that are there already.
  func step() throws { try optimizer.step(vector) }

  /// Gathers the parameters anew after the module grew.
  func parametersChanged(_ device: Device) throws {
    if device != .cpu { try module.move(to: device) }
    let old = vector.layout
    vector = try ParameterVector(module.trainableParameters)
    try optimizer.carry(from: old, to: vector.layout)
  }

  func state() throws -> State {
    var state = State()
    state.set(State(tensors: try module.stateDictionary()), under: "module")
    state.set(State(tensors: try optimizer.state()), under: "optimizer")
    return state
  }

  func restore(_ state: State, _ device: Device) throws {
    try module.load(state.scoped("module").tensors)
    try parametersChanged(device)
    try optimizer.restore(state.scoped("optimizer").tensors.mapValues { try $0.to(device) })
  }
}
