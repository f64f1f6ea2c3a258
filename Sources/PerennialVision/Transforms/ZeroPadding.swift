import Torch

/// Black around every image of a data set up to a size, the image in the middle; as MNIST is brought to 32×32.
///
/// An odd difference puts the larger part below and to the right.
public struct ZeroPadding: DatasetTransform, Equatable, Sendable {
  public let height: Int
  public let width: Int

  public init(height: Int, width: Int) {
    self.height = height
    self.width = width
  }

  /// - Throws: ``TransformError`` also for images that are larger already.
  public func callAsFunction(_ images: Tensor) throws -> Tensor {
    let batch = try BatchShape(images, dtype: .uint8, for: "pad")
    let (rows, columns) = (height - batch.height, width - batch.width)
    guard rows >= 0, columns >= 0 else {
      throw TransformError(
        transform: "pad",
        problem: "images of \(batch.height)×\(batch.width) do not fit into \(height)×\(width)")
    }
    return try images.padded([columns / 2, columns - columns / 2, rows / 2, rows - rows / 2])
  }
}
