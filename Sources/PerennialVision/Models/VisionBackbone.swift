import Perennial
import Torch

/// A backbone for images that says under which name its classifier stands in checkpoints.
public protocol VisionBackbone: Backbone {
  /// The path of the classifier in the public checkpoint that the backbone mirrors: `fc`, `linear`.
  var headName: String { get }
}

extension Stage.Parts {
  /// A convolution's geometry, with any kernels.
  static func convolution(_ layer: Conv2d, activation: @escaping (Tensor) throws -> Tensor) -> Stage.Parts {
    Stage.Parts(activation: activation) {
      try $0.conv2d($1, bias: $2, stride: layer.stride, padding: layer.padding)
    }
  }

  /// A linear layer on whatever comes, flattened, and a ReLU.
  static var flatLinear: Stage.Parts {
    Stage.Parts(activation: { try $0.relu() }) { try $0.flatten(from: 1).linear($1, bias: $2) }
  }
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
