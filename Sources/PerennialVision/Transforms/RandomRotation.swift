import Perennial
import Torch

/// Each image turned about its centre by a random angle: `{rotate: {degrees: 10}}`.
///
/// Bilinear, with black from outside.
public struct RandomRotation: BatchTransform, Configurable, Equatable {
  /// Angles are uniform in [−degrees, degrees].
  public var degrees = 10.0

  public init() {}

  public init(degrees: Double) { self.degrees = degrees }

  public func validate(at node: ConfigurationNode) throws {
    try node.require("degrees", degrees, in: 0...180)
  }

  public func callAsFunction(_ images: Tensor, _ generator: Generator) throws -> Tensor {
    let batch = try BatchShape(images, dtype: .float32, for: "rotate")
    let angles = try (Tensor.uniform([batch.count], generator) * 2 - 1) * degrees
    return try images.rotated(degrees: angles)
  }
}
