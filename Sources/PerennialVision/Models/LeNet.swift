import Torch

/// LeNet-5 as it is built today: ReLU and max pooling, a fully connected third stage (LeCun et al. 1998).
///
/// conv 6@5×5 (padding 2) · pool 2 · conv 16@5×5 · pool 2 · 120 · 84; with a classifier of ten classes it has 61,706
/// parameters on 28×28 images. Names are `conv1`, `conv2`, `fc1`, `fc2`, and `fc3` for the classifier.
public final class LeNet: Module, VisionBackbone {
  public let featureCount = 84
  public let headName = "fc3"
  private let conv1: Conv2d
  private let conv2: Conv2d
  private let fc1: Linear
  private let fc2: Linear
  private let pool = Pool2d(.max, kernel: 2)

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
    conv1 = try Conv2d(image.channels, 6, kernel: 5, padding: 2, generator)
    conv2 = try Conv2d(6, 16, kernel: 5, generator)
    fc1 = try Linear(16 * area, 120, relu: true, generator)
    fc2 = try Linear(120, 84, relu: true, generator)
    super.init()
    register("conv1", conv1)
    register("conv2", conv2)
    register("fc1", fc1)
    register("fc2", fc2)
  }

  /// `[N, C, H, W]` → `[N, 84]`
  public func callAsFunction(_ input: Tensor) throws -> Tensor {
    try fc2(fc1(second(first(input.channelsLast())).flatten(from: 1)))
  }

  // max(·, 0) and the maximum of a window change places freely, and after pooling there is a quarter to do.
  private func first(_ x: Tensor) throws -> Tensor { try pool(conv1(x)).relu() }
  private func second(_ x: Tensor) throws -> Tensor { try pool(conv2(x)).relu() }
}
