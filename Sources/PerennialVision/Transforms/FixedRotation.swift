import Torch

/// Every image of a data set turned counter-clockwise about its centre by one angle, as in Rotated MNIST.
///
/// Bilinear, with black from outside, rounded to bytes. Multiples of 90° of square images only move pixels.
public struct FixedRotation: DatasetTransform, Equatable, Sendable {
  public let degrees: Double

  /// Images that are float at the same time.
  static let block = 4096

  public init(degrees: Double) { self.degrees = degrees }

  public func callAsFunction(_ images: Tensor) throws -> Tensor {
    let batch = try BatchShape(images, dtype: .uint8, for: "rotate")
    let angle = try Tensor([Float(degrees)]).to(images.device)
    return try noGrad {
      let result = try images.contiguous().emptyLike()
      for start in stride(from: 0, to: batch.count, by: Self.block) {
        let range = start..<min(start + Self.block, batch.count)
        let turned = try images[range].to(.float32).rotated(degrees: angle)
        try result[range].copy(from: turned.round())
      }
      return result
    }
  }
}
