import Torch

/// (x − mean) / deviation for each channel of images whose pixels are in [0, 1].
///
/// Where nothing is augmented, ``pixelScale()`` and ``pixelShift()`` let `Tensor.gatherNormalized` normalise the bytes
/// while it gathers them. Otherwise gather with ``unit(channels:)``, augment, and normalise last: padding is then black.
public struct Normalization: Equatable, Sendable {
  /// The mean of each channel.
  public let mean: [Double]
  /// The standard deviation of each channel.
  public let deviation: [Double]

  /// The channels of ImageNet.
  public static let imageNet = Normalization(mean: [0.485, 0.456, 0.406], std: [0.229, 0.224, 0.225])
  /// The training images of CIFAR-10.
  public static let cifar10 = Normalization(mean: [0.4914, 0.4822, 0.4465], std: [0.2470, 0.2435, 0.2616])
  /// The training images of CIFAR-100.
  public static let cifar100 = Normalization(mean: [0.5071, 0.4865, 0.4409], std: [0.2673, 0.2564, 0.2762])
  /// The training images of MNIST.
  public static let mnist = Normalization(mean: [0.1307], std: [0.3081])

  /// Leaves pixels in [0, 1].
  public static func unit(channels: Int) -> Normalization {
    Normalization(
      mean: [Double](repeating: 0, count: channels), std: [Double](repeating: 1, count: channels))
  }

  private init(mean: [Double], std: [Double]) {
    self.mean = mean
    deviation = std
  }

  /// Makes a normalisation.
  ///
  /// - Throws: ``TransformError`` unless there is one finite mean and one deviation above 0 for each channel.
  public init(mean: [Double], deviation: [Double]) throws {
    guard mean.count == deviation.count, !mean.isEmpty, mean.allSatisfy(\.isFinite),
      deviation.allSatisfy({ $0.isFinite && $0 > 0 })
    else {
      throw TransformError(
        transform: "normalize",
        problem: "needs one mean and one deviation above 0 for each channel, not \(mean) and \(deviation)")
    }
    self.init(mean: mean, std: deviation)
  }

  /// The factor of bytes, 1 / (255 · deviation): `[C]`.
  public func pixelScale() throws -> Tensor { try Tensor(deviation.map { Float(1 / (255 * $0)) }) }

  /// What is added after the factor, −mean / deviation: `[C]`.
  public func pixelShift() throws -> Tensor { try Tensor(zip(mean, deviation).map { Float(-$0 / $1) }) }

  /// Normalises float32 images `[N, C, H, W]` with pixels in [0, 1].
  ///
  /// - Throws: ``TransformError`` for another number of channels.
  public func callAsFunction(_ images: Tensor) throws -> Tensor {
    let batch = try BatchShape(images, dtype: .float32, for: "normalize")
    guard batch.channels == mean.count else {
      throw TransformError(
        transform: "normalize",
        problem: "has statistics of \(mean.count) channels, the images have \(batch.channels)")
    }
    let device = try images.device
    let scale = try Tensor(deviation.map { Float(1 / $0) }, shape: [mean.count, 1, 1]).to(device)
    let shift = try pixelShift().view([mean.count, 1, 1]).to(device)
    return try shift.addcmul(images, scale)
  }
}
