import Perennial
import Torch

/// LeNet-5 as it is built today: ReLU and max pooling, a fully connected third stage (LeCun et al. 1998).
///
/// conv 6@5×5 (padding 2) · pool 2 · conv 16@5×5 · pool 2 · 120 · 84; with a classifier of ten classes it has 61,706
/// parameters on 28×28 images. Names are `conv1`, `conv2`, `fc1`, `fc2`, and `fc3` for the classifier. Taps
/// are the stages, and `conv1.preactivation` and `conv2.preactivation`, pooled before the ReLU.
public final class LeNet: Module, VisionBackbone {
  public let featureCount = 84
  public let headName = "fc3"
  public let stages: [Stage]
  public let taps: [Tap]

  /// Makes a LeNet with weights as `torch.nn` draws them.
  ///
  /// - Parameters:
  ///   - input: The images' `[C, H, W]`, at least 12×12.
  ///   - generator: The random stream of the weights.
  /// - Throws: ``ModelError`` for smaller images.
  public init(input: [Int], _ generator: Generator) throws {
    let image = try ImageShape(input, for: "LeNet")
    guard image.height >= 12, image.width >= 12 else {
      throw ModelError(
        model: "LeNet", problem: "needs images of at least 12×12, not \(image.height)×\(image.width)")
    }
    let area = ((image.height / 2 - 4) / 2) * ((image.width / 2 - 4) / 2)
    let conv1 = try Conv2d(image.channels, 6, kernel: 5, padding: 2, generator)
    let conv2 = try Conv2d(6, 16, kernel: 5, generator)
    let fc1 = try Linear(16 * area, 120, relu: true, generator)
    let fc2 = try Linear(120, 84, relu: true, generator)
    // max(·, 0) and the maximum of a window change places freely, and after pooling there is a quarter to do.
    let pool = Pool2d(.max, kernel: 2)
    let preactivations = [Tap("conv1.preactivation"), Tap("conv2.preactivation")]
    stages = [
      Stage(
        "conv1", width: 6, weight: conv1.weight, bias: conv1.bias,
        parts: .convolution(conv1) { try pool($0).relu() }
      ) { try preactivations[0](pool(conv1($0))).relu() },
      Stage(
        "conv2", width: 16, weight: conv2.weight, bias: conv2.bias,
        parts: .convolution(conv2) { try pool($0).relu() }
      ) { try preactivations[1](pool(conv2($0))).relu() },
      Stage("fc1", width: 120, weight: fc1.weight, bias: fc1.bias, parts: .flatLinear) {
        try fc1($0.flatten(from: 1))
      },
      Stage("fc2", width: 84, weight: fc2.weight, bias: fc2.bias, parts: .flatLinear) { try fc2($0) },
    ]
    taps = zip(stages, preactivations).flatMap { [$0.tap, $1] } + stages.suffix(2).map(\.tap)
    super.init()
    register("conv1", conv1)
    register("conv2", conv2)
    register("fc1", fc1)
    register("fc2", fc2)
  }

  /// `[N, C, H, W]` → `[N, 84]`
  public func callAsFunction(_ input: Tensor) throws -> Tensor {
    try stages.reduce(input.channelsLast()) { try $1($0) }
  }
}
