import Perennial

/// A backbone for images that says under which name its classifier stands in checkpoints.
public protocol VisionBackbone: Backbone {
  /// The path of the classifier in the public checkpoint that the backbone mirrors: `fc`, `linear`.
  var headName: String { get }
}

/// A model that cannot be built, or not for these images.
public struct ModelError: Error, Equatable, CustomStringConvertible {
  /// The model: `LeNet`.
  public let model: String
  /// What is wrong and what is allowed.
  public let problem: String

  public var description: String { "\(model): \(problem)" }
}

/// The size `[C, H, W]` of the images that a convolutional backbone is built for.
struct ImageShape {
  let channels: Int
  let height: Int
  let width: Int

  /// Reads `[C, H, W]`.
  ///
  /// - Throws: ``ModelError`` in the name of `model` for anything else.
  init(_ shape: [Int], for model: String) throws {
    guard shape.count == 3, shape.allSatisfy({ $0 > 0 }) else {
      throw ModelError(model: model, problem: "needs images of shape [C, H, W], not \(shape)")
    }
    (channels, height, width) = (shape[0], shape[1], shape[2])
  }
}
