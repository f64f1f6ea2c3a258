import Perennial
import Torch

/// The network that MAML is shown on for Omniglot: four blocks of 3×3 convolution of stride 2, batch normalisation and
/// ReLU (Finn et al. 2017, section 5.1, after Vinyals et al. 2016).
///
/// Names are `0.weight`, `1.weight` … as of a `torch.nn.Sequential`, and `13` for the classifier. Taps are the
/// maps behind each block, `0`, `3`, `6` and `9`, and `0.preactivation` …, normalised before the ReLU.
public final class StridedCNN: Module, VisionBackbone {
  public let featureCount: Int
  public let headName = "13"
  public let stages: [Stage]
  public let taps: [Tap]

  /// - Parameters:
  ///   - input: the images' `[C, H, W]`; each block halves height and width, rounded up.
  ///   - channels: of every block.
  /// - Throws: ``ModelError`` for no images, or for a width below 1.
  public init(input: [Int], channels: Int = 64, _ generator: Generator) throws {
    let image = try ImageShape(input, for: "StridedCNN")
    guard channels > 0 else {
      throw ModelError(model: "StridedCNN", problem: "needs at least 1 channel, not \(channels)")
    }
    let convolutions = try (0..<4).map {
      try Conv2d(
        $0 == 0 ? image.channels : channels, channels, kernel: 3, stride: 2, padding: 1, generator)
    }
    let norms = try (0..<4).map { _ in try BatchNorm(channels) }
    func halved(_ size: Int) -> Int { (0..<4).reduce(size) { half, _ in (half + 1) / 2 } }
    featureCount = channels * halved(image.height) * halved(image.width)
    let preactivations = (0..<4).map { Tap("\($0 * 3).preactivation") }
    let lastMap = Tap("9")
    stages = zip(convolutions, norms).enumerated().map { index, layers in
      Stage("\(index * 3)", width: channels, weight: layers.0.weight, bias: layers.0.bias) {
        let output = try preactivations[index](layers.1(layers.0($0))).relu()
        return index == 3 ? try lastMap(output).flatten(from: 1) : output
      }
    }
    taps = zip(stages.dropLast().map(\.tap) + [lastMap], preactivations).flatMap { [$0, $1] }
    super.init()
    for index in 0..<4 {
      register("\(index * 3)", convolutions[index])
      register("\(index * 3 + 1)", norms[index])
    }
  }

  /// `[N, C, H, W]` → `[N, featureCount]`
  public func callAsFunction(_ input: Tensor) throws -> Tensor {
    try stages.reduce(input) { try $1($0) }
  }
}
