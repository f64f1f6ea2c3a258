import Perennial
import Torch

/// A multilayer perceptron: fully connected layers, each followed by an activation and, where asked for, dropout.
///
/// Images `[N, C, H, W]` are flattened. Layers are named `layers.0`, `layers.1` …, and the classifier comes next;
/// without hidden layers the features are the inputs, and the network is a linear classifier.
public final class MLP: Module, VisionBackbone {
  public let featureCount: Int
  public let headName: String
  public let stages: [Stage]
  package let inputs: Int
  package let activation: Activation.Function

  /// Makes a perceptron with weights as `torch.nn.Linear` draws them.
  ///
  /// - Parameters:
  ///   - inputs: The numbers in one example, C · H · W for images.
  ///   - hidden: The width of each hidden layer.
  ///   - activation: The function after each hidden layer; ReLU is fused into the product.
  ///   - dropout: Drops activations of every hidden layer in training.
  ///   - generator: The random stream of the weights.
  /// - Throws: ``ModelError`` for a width below 1.
  public init(
    inputs: Int, hidden: [Int], activation: Activation.Function = .relu, dropout: Dropout? = nil,
    _ generator: Generator
  ) throws {
    guard inputs > 0, hidden.allSatisfy({ $0 > 0 }) else {
      throw ModelError(model: "MLP", problem: "needs widths of at least 1, not \(inputs) → \(hidden)")
    }
    let layers = try zip([inputs] + hidden, hidden).map {
      try Linear($0, $1, relu: activation == .relu, generator)
    }
    featureCount = hidden.last ?? inputs
    headName = "layers.\(hidden.count)"
    (self.inputs, self.activation) = (inputs, activation)
    let parts = Stage.Parts(
      activation: { x in
        let y = try activation(x)
        return try dropout?(y) ?? y
      }, affine: { try $0.linear($1, bias: $2) })
    stages = layers.enumerated().map { index, layer in
      Stage("layers.\(index)", width: hidden[index], weight: layer.weight, bias: layer.bias, parts: parts) {
        x in
        let y = try layer.relu ? layer(x) : activation(layer(x))
        return try dropout?(y) ?? y
      }
    }
    super.init()
    for (index, layer) in layers.enumerated() { register("layers.\(index)", layer) }
    if let dropout { register("dropout", dropout) }
  }

  /// `[N, …]` with `inputs` numbers an example → `[N, featureCount]`.
  ///
  /// - Throws: `TorchError` (`shape`) for another number of inputs.
  public func callAsFunction(_ input: Tensor) throws -> Tensor {
    let flat = input.rank > 2 ? try input.flatten(from: 1) : input
    guard flat.rank == 2, flat.shape[1] == inputs else {
      throw TorchError(.shape, "an MLP of \(inputs) inputs does not take a batch of shape \(input.shape)")
    }
    return try stages.reduce(flat) { try $1($0) }
  }
}
