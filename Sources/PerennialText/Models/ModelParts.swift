import Perennial
import Torch

/// Division by the root mean square, then a weight: `[…, width]` (Zhang & Sennrich 2019).
public final class RMSNorm: Module, Layer {
  /// `[width]`
  public let weight: Parameter
  public let epsilon: Double

  /// - Parameter epsilon: added to the mean square.
  public init(_ width: Int, epsilon: Double) throws {
    weight = Parameter(try Tensor.ones([width]))
    self.epsilon = epsilon
    super.init()
    register("weight", weight)
  }

  /// `[…, width]`; the same shape comes out.
  public func callAsFunction(_ input: Tensor) throws -> Tensor {
    try input.rmsNorm(weight.value.shape, weight: weight.value, epsilon: epsilon)
  }
}

extension Linear {
  /// A layer with weights from N(0, deviation²) and biases of zero, as `transformers` draws them.
  static func normal(
    _ inputs: Int, _ outputs: Int, bias: Bool = true, deviation: Double, _ generator: Generator
  ) throws -> Linear {
    let layer = try Linear(inputs, outputs, bias: bias, generator)
    try noGrad {
      try layer.weight.value.fillNormal(standardDeviation: deviation, generator)
      try layer.bias?.value.zero()
    }
    return layer
  }
}

extension Embedding {
  /// A table from N(0, deviation²); the row of `padding` is zero and learns nothing.
  static func normal(
    _ vocabulary: Int, _ width: Int, padding: Int? = nil, deviation: Double, _ generator: Generator
  ) throws -> Embedding {
    let table = try Embedding(vocabulary, width, padding: padding, generator)
    try noGrad {
      try table.weight.value.scale(by: deviation)
    }
    return table
  }

  /// Scores `[…, vocabulary]` of vectors `[…, width]`: the table as the output layer (Press & Wolf 2017).
  func scores(_ hidden: Tensor) throws -> Tensor {
    try hidden.fastestLinear(weight.value, in: precision)
  }
}

extension Module {
  /// The linear layers below this module with their paths, in order: what adapters wrap.
  public var linearLayers: [(path: String, layer: Linear)] {
    namedModules.compactMap { entry in (entry.module as? Linear).map { (entry.path, $0) } }
  }
}

extension Recomputing {
  /// Runs a block; checkpointed in training where asked for and where nobody looks inside.
  func run(
    _ block: Module, _ inputs: [Tensor], dropout: Generator, heard taps: [Tap],
    _ body: @escaping ([Tensor]) throws -> Tensor
  ) throws -> Tensor {
    let isApplicable = recomputesBlocks && isTraining && isGradEnabled && block.tape == nil
    guard isApplicable, !taps.contains(where: \.isHeard) else { return try body(inputs) }
    return try checkpointed(inputs, of: block, generators: [dropout], body)
  }
}
