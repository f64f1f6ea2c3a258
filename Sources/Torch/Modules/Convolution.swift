/// Cross-correlation of `[N, C, H, W]`, initialised as `torch.nn.Conv2d`.
///
/// The weight is stored with channels innermost, as oneDNN and cuDNN like it; its shape stays `[out, C /
/// groups, kH, kW]`.
public final class Conv2d: Module, InputFiltering {
  public let weight: Parameter
  public let bias: Parameter?
  public let stride: [Int]
  public let padding: [Int]
  public let dilation: [Int]
  public let groups: Int
  public var inputFilter: ((Tensor) throws -> Tensor)?
  /// Whether pixels are left out before the product, which gives the same: a strided 1×1 convolution of fewer channels
  /// than a vector register holds overruns oneDNN's workspace in the backward pass (uxlfoundation/oneDNN#6035, channels
  /// last on AVX2 and AVX-512).
  private let leavesPixelsOut: Bool

  /// - Parameter kernel: the side of the square window; `stride`, `padding` and `dilation` hold for both
  ///   sides.
  public init(
    _ inputs: Int, _ outputs: Int, kernel: Int, stride: Int = 1, padding: Int = 0, dilation: Int = 1,
    groups: Int = 1, bias hasBias: Bool = true, _ generator: Generator
  ) throws {
    let shape = [outputs, inputs / Swift.max(groups, 1), kernel, kernel]
    weight = Parameter(
      try Initializer.kaimingUniform(shape, slope: 5.0.squareRoot(), generator).channelsLast())
    bias =
      hasBias ? Parameter(try Initializer.bias(outputs, fanIn: Initializer.fans(shape).in, generator)) : nil
    self.stride = [stride, stride]
    self.padding = [padding, padding]
    self.dilation = [dilation, dilation]
    self.groups = groups
    leavesPixelsOut = kernel == 1 && stride > 1 && padding == 0 && inputs < 16
    super.init()
    register("weight", weight)
    register("bias", bias)
  }

  /// `[N, inputs, H, W]` → `[N, outputs, H', W']`
  public func callAsFunction(_ input: Tensor) throws -> Tensor {
    let input = try inputFilter?(input) ?? input
    let pixels = leavesPixelsOut ? try input.pixels(every: stride[0]) : input
    let output = try pixels.conv2d(
      weight.value, bias: bias?.value, stride: leavesPixelsOut ? [1, 1] : stride, padding: padding,
      dilation: dilation, groups: groups)
    return taped(self, input: input, output: output)
  }
}

/// Transposed convolution of `[N, C, H, W]`, initialised as `torch.nn.ConvTranspose2d`.
public final class ConvTransposed2d: Module, Layer {
  /// `[C, out, kH, kW]`
  public let weight: Parameter
  public let bias: Parameter?
  public let stride: [Int]
  public let padding: [Int]
  public let outputPadding: [Int]

  /// - Parameter outputPadding: rows and columns added at the far side of the output.
  public init(
    _ inputs: Int, _ outputs: Int, kernel: Int, stride: Int = 1, padding: Int = 0, outputPadding: Int = 0,
    bias hasBias: Bool = true, _ generator: Generator
  ) throws {
    let shape = [inputs, outputs, kernel, kernel]
    weight = Parameter(try Initializer.kaimingUniform(shape, slope: 5.0.squareRoot(), generator))
    bias =
      hasBias ? Parameter(try Initializer.bias(outputs, fanIn: Initializer.fans(shape).in, generator)) : nil
    self.stride = [stride, stride]
    self.padding = [padding, padding]
    self.outputPadding = [outputPadding, outputPadding]
    super.init()
    register("weight", weight)
    register("bias", bias)
  }

  /// `[N, inputs, H, W]` → `[N, outputs, H', W']`
  public func callAsFunction(_ input: Tensor) throws -> Tensor {
    try input.convTransposed2d(
      weight.value, bias: bias?.value, stride: stride, padding: padding, outputPadding: outputPadding)
  }
}

extension Tensor {
  /// Every `stride`-th row and column of `[N, C, H, W]`.
  public func pixels(every stride: Int) throws -> Tensor {
    try slice(dim: 2, from: 0, to: shape[2], by: stride).slice(dim: 3, from: 0, to: shape[3], by: stride)
  }
}
