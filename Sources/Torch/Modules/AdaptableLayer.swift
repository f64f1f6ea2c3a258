/// What is learned beside a layer whose own weights may rest.
public protocol LayerAdapter: Module {
  /// What the layer gives in place of its output.
  ///
  /// - Parameters:
  ///   - input: `[…, in]`, as the layer was given it.
  ///   - output: `[…, out]`, of the layer itself or of the adapter before.
  func callAsFunction(_ input: Tensor, output: Tensor, of layer: any AdaptableLayer) throws -> Tensor
}

/// A linear map of vectors that adapters can be put beside: y = x Wᵀ + b.
public protocol AdaptableLayer: Layer {
  /// W `[out, in]`
  var weight: Parameter { get }
  /// b `[out]`
  var bias: Parameter? { get }
  /// Those put beside it, in the order in which they are heard; whoever puts one there makes it part of the model.
  var adapters: [any LayerAdapter] { get set }
}

extension AdaptableLayer {
  /// The widths of what it takes and gives.
  public var inputCount: Int { weight.value.shape[1] }
  public var outputCount: Int { weight.value.shape[0] }

  /// What the adapters make of the layer's output.
  public func adapted(_ input: Tensor, output: Tensor) throws -> Tensor {
    try adapters.reduce(output) { try $1(input, output: $0, of: self) }
  }
}
