import Torch

/// Images `[N, C, H, W]` from random codes `[N, latent]`, in units of the data: the generator of DAFL (Chen et al. 2019).
///
/// A linear map to a quarter of the size; twice doubled by the nearest pixel and convolved, 3×3, with batch normalisation
/// (ε = 0.8, as the authors' program has it) and leaky rectifiers of slope 0.2; a last convolution and tanh. Batch
/// normalisation without factors of its own then gives every channel mean 0 and deviation 1, as normalised data have.
final class ImageGenerator: Module, Layer {
  private let shape: [Int]
  private let channels: Int
  private let seed: Linear
  private let norms: [BatchNorm]
  private let convolutions: [Conv2d]

  /// - Parameters:
  ///   - shape: `[C, H, W]` of an image.
  ///   - latent: numbers in a code.
  ///   - channels: of the maps inside, half of it in the last one.
  init(_ shape: [Int], latent: Int, channels: Int, _ generator: Generator) throws {
    self.shape = shape
    self.channels = channels
    let half = max(channels / 2, 1)
    let (height, width) = ((shape[1] + 3) / 4, (shape[2] + 3) / 4)
    seed = try Linear(latent, channels * height * width, generator)
    norms = [
      try BatchNorm(channels), try BatchNorm(channels, epsilon: 0.8), try BatchNorm(half, epsilon: 0.8),
      try BatchNorm(shape[0]),
    ]
    convolutions = try [(channels, channels), (channels, half), (half, shape[0])].map {
      try Conv2d($0, $1, kernel: 3, padding: 1, generator)
    }
    norms[3].weight.isTrainable = false
    norms[3].bias.isTrainable = false
    super.init()
    register("seed", seed)
    for (index, norm) in norms.enumerated() { register("norm\(index)", norm) }
    for (index, convolution) in convolutions.enumerated() { register("conv\(index)", convolution) }
  }

  func callAsFunction(_ codes: Tensor) throws -> Tensor {
    let (height, width) = ((shape[1] + 3) / 4, (shape[2] + 3) / 4)
    var x = try norms[0](seed(codes).reshape([-1, channels, height, width]))
    for place in 0..<2 {
      x = try x.resizedNearest([x.shape[2] * 2, x.shape[3] * 2])
      x = try norms[place + 1](convolutions[place](x)).leakyReLU(slope: 0.2)
    }
    let image = try norms[3](convolutions[2](x).tanh())
    return try image.narrow(dim: 2, start: 0, count: shape[1]).narrow(dim: 3, start: 0, count: shape[2])
  }
}
