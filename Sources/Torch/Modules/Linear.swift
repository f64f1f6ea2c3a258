/// y = x Wᵀ + b on `[…, in]`, initialised as `torch.nn.Linear`.
public final class Linear: Module, InputFiltering, AdaptableLayer, MatrixProduct {
  /// `[out, in]`
  public let weight: Parameter
  /// `[out]`
  public let bias: Parameter?

  public var inputFilter: ((Tensor) throws -> Tensor)?
  public var adapters: [any LayerAdapter] = []
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
    guard tape == nil, adapters.isEmpty else {
      let own = taped(
        self, input: input,
        output: try input.linear(weight.value, bias: bias?.value, in: tape == nil ? precision : .float32))
      let sum = try adapted(input, output: own)
      return relu ? try sum.relu() : sum
    }
    return try input.fastestLinear(weight.value, bias: bias?.value, relu: relu, in: precision)
  }
}
