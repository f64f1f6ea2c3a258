/// Multi-head scaled dot-product attention over `[N, L, width]` (Vaswani et al. 2017), with the parameters of
/// `torch.nn.MultiheadAttention`.
public final class MultiHeadAttention: Module {
  /// Query, key and value projections stacked: `[3 · width, width]`.
  public let inputWeight: Parameter
  public let inputBias: Parameter
  public let output: Linear
  public let heads: Int

  /// - Throws: `TorchError` (`shape`) unless `width` divides into `heads`.
  public init(width: Int, heads: Int, _ generator: Generator) throws {
    guard heads > 0, width % heads == 0 else {
      throw TorchError(.shape, "a width of \(width) does not divide into \(heads) heads")
    }
    output = try Linear(width, width, generator)
    inputWeight = Parameter(try Initializer.xavierUniform([3 * width, width], generator))
    inputBias = Parameter(try Tensor.zeros([3 * width]))
    self.heads = heads
    super.init()
    try noGrad { try output.bias?.value.zero() }
    register("in_proj_weight", inputWeight)
    register("in_proj_bias", inputBias)
    register("out_proj", output)
  }

  /// - Parameters:
  ///   - input: `[N, L, width]`, attended from and to.
  ///   - mask: added to scores (or boolean: true takes part), broadcast to `[N, heads, L, L]`.
  ///   - causal: each place sees only itself and those before it.
  public func callAsFunction(_ input: Tensor, mask: Tensor? = nil, causal: Bool = false) throws -> Tensor {
    guard input.rank == 3 else {
      throw TorchError(.shape, "attention needs [N, L, width], not \(input.shape)")
    }
    let (n, length, width) = (input.shape[0], input.shape[1], input.shape[2])
    let parts = try input.linear(inputWeight.value, bias: inputBias.value).chunk(3, dim: -1).map {
      try $0.view([n, length, heads, width / heads]).transpose(1, 2)
    }
    let mixed = try parts[0].attention(keys: parts[1], values: parts[2], mask: mask, causal: causal)
    return try output(mixed.transpose(1, 2).reshape([n, length, width]))
  }
}
