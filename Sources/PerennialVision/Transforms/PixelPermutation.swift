import Torch

/// The pixels of every image in one other order, the same for all images and channels, as in Permuted MNIST.
public struct PixelPermutation: DatasetTransform, Equatable, Sendable {
  /// Where each pixel of the result comes from, row by row: a permutation of 0 ..< H · W.
  public let order: [Int]

  /// A given order.
  ///
  /// - Throws: ``TransformError`` unless every place occurs once.
  public init(order: [Int]) throws {
    guard order.sorted() == Array(0..<order.count) else {
      throw TransformError(
        transform: "permute", problem: "needs each of the places 0 ..< \(order.count) once, not \(order)")
    }
    self.order = order
  }

  /// A random order of H · W pixels.
  public init(pixels: Int, _ generator: Generator) throws {
    order = try Tensor.permutation(pixels, generator).integers()
  }

  /// - Throws: ``TransformError`` also for images of another number of pixels.
  public func callAsFunction(_ images: Tensor) throws -> Tensor {
    let batch = try BatchShape(images, dtype: .uint8, for: "permute")
    guard batch.height * batch.width == order.count else {
      throw TransformError(
        transform: "permute",
        problem: "orders \(order.count) pixels, the images have \(batch.height)×\(batch.width)")
    }
    return try images.flatten(from: 2).indexSelect(Tensor(order).to(images.device), dim: 2).view(images.shape)
  }
}
