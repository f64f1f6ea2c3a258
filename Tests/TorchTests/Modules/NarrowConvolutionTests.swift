import Testing
import Torch

/// A strided 1×1 convolution of few channels stored innermost overruns oneDNN's workspace in its backward pass; ours leaves
/// the pixels out beforehand, which must change nothing else.
@Suite struct NarrowConvolutionTests {
  @Test(arguments: [1, 3, 8, 15, 16, 24])
  func stridedOneByOneIsTheSameProduct(inputs: Int) throws {
    let generator = try Generator(seed: 1)
    let layer = try Conv2d(inputs, 12, kernel: 1, stride: 2, generator)
    let plain = try Tensor.normal([3, inputs, 9, 7], generator)
    let x = try plain.channelsLast()
    try x.setRequiresGrad(true)
    let output = try layer(x)
    #expect(output.shape == [3, 12, 5, 4])
    let weight = try layer.weight.value.detach().contiguous()
    let y = try plain.clone()
    try y.setRequiresGrad(true)
    let expected = try y.conv2d(
      weight, bias: layer.bias?.value.detach(), stride: [2, 2], padding: [0, 0], dilation: [1, 1], groups: 1)
    #expect(try output.isClose(to: expected, relative: 1e-5, absolute: 1e-6))
    let own = try gradients(of: output.square().sum(), withRespectTo: [x])[0]
    let other = try gradients(of: expected.square().sum(), withRespectTo: [y])[0]
    #expect(try own.isClose(to: other, relative: 1e-4, absolute: 1e-5))
  }
}
