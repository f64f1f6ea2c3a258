import Foundation
import Perennial
import Torch

extension ImageDataset {
  /// The images as the source of a stream.
  ///
  /// - Parameters:
  ///   - normalize: gives channels mean 0 and deviation 1 over the training images; else pixels are in [0, 1].
  ///   - pad: a black border up to this height and width.
  ///   - limit: the first so many training images of each class.
  /// - Throws: `TransformError` for images larger than `pad`.
  public func source(normalize: Bool = false, pad: Int? = nil, limit: Int? = nil) throws -> DataSource {
    let padding = pad.map { ZeroPadding(height: $0, width: $0) }
    func examples(_ set: LabeledImages) throws -> Examples {
      try Examples(inputs: padding?(set.images) ?? set.images, targets: set.labelTensor())
    }
    var examples = (train: try examples(train), test: try examples(test))
    if let limit { examples.train = try examples.train.first(limit) }
    let pipeline =
      normalize
      ? try channelPipeline(examples.train.inputs)
      : try InputPipeline(
        mean: [Double](repeating: 0, count: train.imageShape[0]),
        standardDeviation: [Double](repeating: 1, count: train.imageShape[0]))
    return DataSource(name: name, train: examples.train, test: examples.test, pipeline: pipeline, note: note)
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
