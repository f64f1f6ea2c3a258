import Perennial
import Torch

/// Random changes one after the other, as a recipe lists them:
/// `augment: [{crop: {padding: 4}}, flip, {color-jitter: {brightness: 0.2}}]`.
public struct Augmentation: BatchTransform {
  public let transforms: [any BatchTransform]

  /// Whether images stay as they are.
  public var isEmpty: Bool { transforms.isEmpty }

  public init(_ transforms: [any BatchTransform] = []) { self.transforms = transforms }

  /// Makes the changes that a recipe names.
  ///
  /// - Throws: `ConfigurationError` with the line of a wrong name or option.
  public init(_ selections: [Selection]) throws {
    transforms = try selections.map { try $0.pick(from: Self.decoders, kind: "augmentation")($0) }
  }

  /// The names that a recipe can use.
  public static var names: [String] { decoders.map(\.key) }

  private static let decoders: KeyValuePairs<String, @Sendable (Selection) throws -> any BatchTransform> = [
    "crop": { try $0.decode(RandomCrop.self) },
    "flip": { try $0.decode(RandomFlip.self) },
    "rotate": { try $0.decode(RandomRotation.self) },
    "color-jitter": { try $0.decode(ColorJitter.self) },
  ]

  public func callAsFunction(_ images: Tensor, _ generator: Generator) throws -> Tensor {
    try transforms.reduce(images) { try $1($0, generator) }
  }
}
