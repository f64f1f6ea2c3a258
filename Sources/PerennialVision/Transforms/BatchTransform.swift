import Torch

/// A random change of a batch of images, drawn anew for every image.
///
/// The same generator state gives the same change; nothing else is random. The parameters of all images are drawn
/// first, as vectors, and applied by operations on the whole batch.
public protocol BatchTransform {
  /// Changes float32 images `[N, C, H, W]` with pixels in [0, 1].
  ///
  /// - Parameter generator: The random stream to draw from.
  /// - Throws: ``TransformError`` for images that the transform does not suit.
  func callAsFunction(_ images: Tensor, _ generator: Generator) throws -> Tensor
}

/// A fixed change of a whole data set, made once before training: uint8 images `[N, C, H, W]` become other uint8
/// images.
public protocol DatasetTransform {
  /// Changes uint8 images `[N, C, H, W]`.
  ///
  /// - Throws: ``TransformError`` for images that the transform does not suit.
  func callAsFunction(_ images: Tensor) throws -> Tensor
}

/// Images that a transform does not suit, or options that make no sense.
public struct TransformError: Error, Equatable, CustomStringConvertible {
  /// The transform, by the name that recipes use: `crop`.
  public let transform: String
  /// What is wrong and what is allowed.
  public let problem: String

  public var description: String { "\(transform): \(problem)" }
}

/// The sizes of a batch of images.
struct BatchShape {
  let count: Int
  let channels: Int
  let height: Int
  let width: Int

  /// Reads the sizes of a batch of a type.
  ///
  /// - Throws: ``TransformError`` in the name of `transform` for anything but `[N, C, H, W]` of that type.
  init(_ images: Tensor, dtype: DType, for transform: String) throws {
    let shape = images.shape
    guard shape.count == 4, images.dtype == dtype else {
      throw TransformError(
        transform: transform,
        problem: "needs \(dtype) images of shape [N, C, H, W], not \(images.dtype) of \(shape)")
    }
    (count, channels, height, width) = (shape[0], shape[1], shape[2], shape[3])
  }
}
