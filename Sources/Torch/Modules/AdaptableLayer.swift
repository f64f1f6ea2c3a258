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
  /// Learned values W, in whatever order the layer keeps them, and b.
  var weight: Parameter { get }
  var bias: Parameter? { get }
  /// Whether W is kept as `[in, out]`, as GPT-2 has it, rather than `[out, in]`.
  var isTransposed: Bool { get }
  /// Those put beside it, in the order in which they are heard; whoever puts one there makes it part of the model.
  var adapters: [any LayerAdapter] { get set }
}

extension AdaptableLayer {
  public var isTransposed: Bool { false }
  private var shape: [Int] { weight.value.shape }
  /// The widths of what it takes and gives.
  public var inputCount: Int { shape[isTransposed ? 0 : 1] }
  public var outputCount: Int { shape[isTransposed ? 1 : 0] }

  /// W `[out, in]`
  public func denseWeight() throws -> Tensor { isTransposed ? try weight.value.T : weight.value }

  /// Puts W `[out, in]` in place.
  public func setDenseWeight(_ dense: Tensor) throws {
    try noGrad { try weight.value.copy(from: isTransposed ? dense.T : dense) }
  }

  /// What the adapters make of the layer's output.
  public func adapted(_ input: Tensor, output: Tensor) throws -> Tensor {
    try adapters.reduce(output) { try $1(input, output: $0, of: self) }
  }
}
