import Perennial
import Torch

/// Left and right exchanged in a random part of the images: `flip`.
public struct RandomFlip: BatchTransform, Configurable, Equatable {
  /// The probability with which an image is flipped.
  public var probability = 0.5

  public init() {}

  public init(probability: Double) { self.probability = probability }

  public func validate(at node: ConfigurationNode) throws {
    try node.require("probability", probability, in: 0...1)
  }

  public func callAsFunction(_ images: Tensor, _ generator: Generator) throws -> Tensor {
    let batch = try BatchShape(images, dtype: .float32, for: "flip")
    let mask = try Tensor.uniform([batch.count], generator) .< probability
    return try images.flippedHorizontally(where: mask)
  }
}
