import Foundation
import Perennial
import Torch

extension ImageDataset {
  /// How pixels become inputs: `false`, `true` or `imagenet` in recipes.
  public enum Scale: Sendable, Equatable {
    /// In [0, 1].
    case pixels
    /// Channels have mean 0 and deviation 1 over the training images.
    case data
    /// By the mean and deviation of ImageNet's channels, as many published weights want it.
    case imageNet
  }

  /// The images as the source of a stream.
  ///
  /// - Parameters:
  ///   - normalize: the scale of the inputs.
  ///   - pad: a black border up to this height and width.
  ///   - limit: the first so many training images of each class.
  /// - Throws: `TransformError` for images larger than `pad`.
  public func source(normalize: Scale = .pixels, pad: Int? = nil, limit: Int? = nil) throws -> DataSource {
    let padding = pad.map { ZeroPadding(height: $0, width: $0) }
    func examples(_ set: LabeledImages) throws -> Examples {
      try Examples(inputs: padding?(set.images) ?? set.images, targets: set.labelTensor())
    }
    var examples = (train: try examples(train), test: try examples(test))
    if let limit { examples.train = try examples.train.first(limit) }
    let pipeline =
      switch normalize {
      case .data: try channelPipeline(examples.train.inputs)
      case .pixels: try pipeline(.unit(channels: train.imageShape[0]))
      case .imageNet: try pipeline(.imageNet)
      }
    return DataSource(
      name: name, train: examples.train, test: examples.test, pipeline: pipeline, note: note,
      classNames: classNames)
  }

  private func pipeline(_ normalization: Normalization) throws -> InputPipeline {
    guard normalization.mean.count == train.imageShape[0] else {
      throw TransformError(
        transform: "normalize",
        problem:
          "has statistics of \(normalization.mean.count) channels, the images have \(train.imageShape[0])")
    }
    return try InputPipeline(mean: normalization.mean, standardDeviation: normalization.deviation)
  }

  /// Normalisation by the mean and deviation of each channel, from counts of the 256 values.
  private func channelPipeline(_ images: Tensor) throws -> InputPipeline {
    var (means, deviations): ([Double], [Double]) = ([], [])
    for channel in 0..<images.shape[1] {
      let values = try images.select(channel, dim: 1).contiguous().view([-1]).to(.int64)
      let counts = try values.bincount(minimum: 256).integers().map(Double.init)
      func average(_ of: (Double) -> Double) -> Double {
        counts.enumerated().reduce(0) { $0 + of(Double($1.offset) / 255) * $1.element } / counts.reduce(0, +)
      }
      let mean = average { $0 }
      means.append(mean)
      deviations.append(max(average { ($0 - mean) * ($0 - mean) }.squareRoot(), 1e-6))
    }
    return try InputPipeline(mean: means, standardDeviation: deviations)
  }
}

extension Examples {
  /// The first `limit` examples of each class.
  func first(_ limit: Int) throws -> Examples {
    var counts: [Int: Int] = [:]
    let places = try targets.integers().enumerated().filter { _, label in
      counts[label, default: 0] += 1
      return counts[label, default: 0] <= limit
    }
    return try select(places.map(\.offset))
  }
}

extension ImageDataset.Scale: Codable {
  private static let imageNetName = "imagenet"

  /// Reads `false`, `true` or `imagenet`.
  public init(from decoder: any Decoder) throws {
    let container = try decoder.singleValueContainer()
    if let isNormalized = try? container.decode(Bool.self) {
      self = isNormalized ? .data : .pixels
      return
    }
    guard let name = try? container.decode(String.self), name == Self.imageNetName else {
      throw DecodingError.dataCorruptedError(
        in: container, debugDescription: "must be `true`, `false` or `imagenet`")
    }
    self = .imageNet
  }

  /// Writes what can be read.
  public func encode(to encoder: any Encoder) throws {
    var container = encoder.singleValueContainer()
    switch self {
    case .pixels: try container.encode(false)
    case .data: try container.encode(true)
    case .imageNet: try container.encode(Self.imageNetName)
    }
  }
}
