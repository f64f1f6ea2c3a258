import Perennial
import Torch

/// A window at a random place of the image after padding it with zeros: `{crop: {padding: 4}}`.
public struct RandomCrop: BatchTransform, Configurable, Equatable {
  /// Black pixels put on every side first.
  public var padding = 4
  /// Height and width of the window; those of the image when nil.
  public var size: Int?

  public init() {}

  public init(padding: Int, size: Int? = nil) {
    self.padding = padding
    self.size = size
  }

  public func validate(at node: ConfigurationNode) throws {
    try node.require("padding", padding, atLeast: 0)
    try node.require("size", size, atLeast: 1)
  }

  /// Images `[N, C, H, W]`, or `[N, C, size, size]`.
  ///
  /// - Throws: ``TransformError`` also for a window larger than the padded image.
  public func callAsFunction(_ images: Tensor, _ generator: Generator) throws -> Tensor {
    let batch = try BatchShape(images, dtype: .float32, for: "crop")
    let (height, width) = (size ?? batch.height, size ?? batch.width)
    let freeRows = batch.height + 2 * padding - height
    let freeColumns = batch.width + 2 * padding - width
    guard padding >= 0, height > 0, width > 0, freeRows >= 0, freeColumns >= 0 else {
      throw TransformError(
        transform: "crop",
        problem:
          "no window of \(height)×\(width) in images of \(batch.height)×\(batch.width) padded by \(padding)")
    }
    let top = try Tensor.randomIntegers(0..<freeRows + 1, [batch.count], generator)
    let left = try Tensor.randomIntegers(0..<freeColumns + 1, [batch.count], generator)
    let padded = padding == 0 ? images : try images.padded([padding, padding, padding, padding])
    return try padded.cropped(height: height, width: width, top: top, left: left)
  }
}
