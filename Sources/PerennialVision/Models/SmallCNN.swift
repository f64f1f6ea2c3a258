import Perennial
import Torch

/// A small convolutional network for quick experiments: three blocks of 3×3 convolution, ReLU and 2×2 max pooling
/// with 32, 64 and 64 channels, then one hidden layer of 128.
///
/// On 32×32 colour images, with a classifier of ten classes, it has 188,810 parameters. Names are `conv1` … `conv3`,
/// `fc1`, and `fc2` for the classifier. Taps are the stages, and `conv1.preactivation` …, pooled before the ReLU.
public final class SmallCNN: Module, VisionBackbone {
  public let featureCount: Int
  public let headName = "fc2"
  public let stages: [Stage]
  public let taps: [Tap]

  /// Makes a network with weights as `torch.nn` draws them.
  ///
  /// - Parameters:
  ///   - input: The images' `[C, H, W]`; each block halves height and width.
  ///   - channels: The outputs of each block.
  ///   - hidden: The width of the hidden layer, which gives the features.
  ///   - generator: The random stream of the weights.
  /// - Throws: ``ModelError`` when pooling leaves nothing of the images, or for a width below 1.
  public init(input: [Int], channels: [Int] = [32, 64, 64], hidden: Int = 128, _ generator: Generator) throws
  {
    let image = try ImageShape(input, for: "SmallCNN")
    guard channels.count < Int.bitWidth - 1, channels.allSatisfy({ $0 > 0 }), hidden > 0 else {
      throw ModelError(
        model: "SmallCNN", problem: "needs widths of at least 1, not \(channels) and \(hidden)")
    }
    let smallest = 1 << channels.count
    guard image.height >= smallest, image.width >= smallest else {
      throw ModelError(
        model: "SmallCNN",
        problem: "\(channels.count) poolings need images of at least \(smallest)×\(smallest), "
          + "not \(image.height)×\(image.width)")
    }
    let convolutions = try zip([image.channels] + channels, channels).map {
      try Conv2d($0, $1, kernel: 3, padding: 1, generator)
    }
    let area = (image.height / smallest) * (image.width / smallest)
    let fc1 = try Linear((channels.last ?? image.channels) * area, hidden, relu: true, generator)
    featureCount = hidden
    let pool = Pool2d(.max, kernel: 2)
    let preactivations = channels.indices.map { Tap("conv\($0 + 1).preactivation") }
    stages =
      convolutions.enumerated().map { index, layer in
        Stage(
          "conv\(index + 1)", width: channels[index], weight: layer.weight, bias: layer.bias,
          parts: .convolution(layer) { try pool($0).relu() }
        ) { try preactivations[index](pool(layer($0))).relu() }
      } + [
        Stage("fc1", width: hidden, weight: fc1.weight, bias: fc1.bias, parts: .flatLinear) {
          try fc1($0.flatten(from: 1))
        }
      ]
    taps = zip(stages, preactivations).flatMap { [$0.tap, $1] } + stages.suffix(1).map(\.tap)
    super.init()
    for (index, convolution) in convolutions.enumerated() { register("conv\(index + 1)", convolution) }
    register("fc1", fc1)
  }

  /// `[N, C, H, W]` → `[N, featureCount]`
  public func callAsFunction(_ input: Tensor) throws -> Tensor {
    try stages.reduce(input.channelsLast()) { try $1($0) }
  }
}
