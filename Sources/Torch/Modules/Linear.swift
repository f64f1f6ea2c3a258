/// y = x Wᵀ + b on `[…, in]`, initialised as `torch.nn.Linear`.
public final class Linear: Module, InputFiltering, AdaptableLayer {
  /// `[out, in]`
  public let weight: Parameter
  /// `[out]`
  public let bias: Parameter?

  public var inputFilter: ((Tensor) throws -> Tensor)?
  public var adapters: [any LayerAdapter] = []
  /// The type in which the product is computed; the weight stays as it is, and the output is float32.
  public var precision = DType.float32
  /// Whether max(·, 0) is fused into the product.
  public let relu: Bool

  /// - Parameter kind: `head` for a layer that gives the outputs.
  public init(
    _ inputs: Int, _ outputs: Int, bias hasBias: Bool = true, relu: Bool = false,
    kind: Parameter.Kind = .weight,
    _ generator: Generator
  ) throws {
    weight = Parameter(
      try Initializer.kaimingUniform([outputs, inputs], slope: 5.0.squareRoot(), generator), kind: kind)
    bias = hasBias ? Parameter(try Initializer.bias(outputs, fanIn: inputs, generator), kind: kind) : nil
    self.relu = relu
    super.init()
    register("weight", weight)
    register("bias", bias)
  }

  /// `[…, in]` → `[…, out]`, by the faster of the two libraries for this shape.
  public func callAsFunction(_ input: Tensor) throws -> Tensor {
    let input = try inputFilter?(input) ?? input
    if precision != .float32, tape == nil {
      let own = try input.to(precision).linear(weight.value.to(precision), bias: bias?.value.to(precision))
      let sum = try adapted(input, output: own.to(.float32))
      return relu ? try sum.relu() : sum
    }
    let shape = weight.value.shape
    let backend = LinearBackendChoice.shared.backend(
      rows: input.count / Swift.max(shape[1], 1), inputs: shape[1], outputs: shape[0])
    guard tape == nil, adapters.isEmpty else {
      let own = taped(self, input: input, output: try input.linear(weight.value, bias: bias?.value))
      let sum = try adapted(input, output: own)
      return relu ? try sum.relu() : sum
    }
    return try input.linear(weight.value, bias: bias?.value, relu: relu, backend: backend)
  }
}
