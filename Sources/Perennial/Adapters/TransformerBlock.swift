import Torch

/// A block of a Transformer: attention and a perceptron, each added to its input.
public protocol TransformerBlock: Module {
  /// The layers that they end with, in front of the sums.
  var attentionOutput: any AdaptableLayer { get }
  var perceptronOutput: any AdaptableLayer { get }
}
