import Perennial
import Torch

/// Two 3×3 convolutions with a shortcut around them (He et al. 2016, fig. 2):
/// relu(bn2(conv2(relu(bn1(conv1(x))))) + shortcut(x)).
package final class BasicBlock: Module, Layer {
  private let conv1: Conv2d
  private let bn1: BatchNorm
  private let conv2: Conv2d
  private let bn2: BatchNorm
  package let shortcut: (any Layer)?
  private let preactivation: Tap?

  /// - Parameter preactivation: sees the sum before the last ReLU.
  init(
    _ inputs: Int, _ outputs: Int, stride: Int, shortcut kind: ResNet.Shortcut,
    initialization: ResNet.Initialization, preactivation: Tap?, _ generator: Generator
  ) throws {
    self.preactivation = preactivation
    conv1 = try initialization.convolution(inputs, outputs, kernel: 3, stride: stride, generator)
    bn1 = try BatchNorm(outputs)
    conv2 = try initialization.convolution(outputs, outputs, kernel: 3, stride: 1, generator)
    bn2 = try BatchNorm(outputs)
    if stride == 1, inputs == outputs {
      shortcut = nil
    } else {
      switch kind {
      case .padding: shortcut = PaddingShortcut(stride: stride, added: outputs - inputs)
      case .projection:
        shortcut = try ProjectionShortcut(
          inputs, outputs, stride: stride, initialization: initialization, generator)
      }
    }
    super.init()
    register("conv1", conv1)
    register("bn1", bn1)
    register("conv2", conv2)
    register("bn2", bn2)
    if let shortcut { register(kind.name, shortcut) }
  }

  package func callAsFunction(_ input: Tensor) throws -> Tensor {
    let residual = try bn2(conv2(bn1(conv1(input)).relu()))
    let sum = try residual + (shortcut?(input) ?? input)
    return try (preactivation?(sum) ?? sum).relu()
  }
}

/// Option A of He et al. (2016, section 3.3): every `stride`-th pixel, and channels of zeros on both sides.
package final class PaddingShortcut: Module, Layer {
  /// Every how many pixels one is kept, and the channels of zeros.
  package let stride: Int
  package let added: Int

  init(stride: Int, added: Int) {
    self.stride = stride
    self.added = added
    super.init()
  }

  package func callAsFunction(_ input: Tensor) throws -> Tensor {
    try input.pixels(every: stride).padded([0, 0, 0, 0, added / 2, added - added / 2])
  }
}

/// Option B: a 1×1 convolution, `0`, and batch normalisation, `1`.
package final class ProjectionShortcut: Module, Layer {
  private let convolution: Conv2d
  private let normalization: BatchNorm

  init(
    _ inputs: Int, _ outputs: Int, stride: Int, initialization: ResNet.Initialization, _ generator: Generator
  ) throws {
    convolution = try initialization.convolution(inputs, outputs, kernel: 1, stride: stride, generator)
    normalization = try BatchNorm(outputs)
    super.init()
    register("0", convolution)
    register("1", normalization)
  }

  package func callAsFunction(_ input: Tensor) throws -> Tensor {
    try normalization(convolution(input))
  }
}
