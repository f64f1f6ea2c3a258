import Perennial
import Torch

/// Brightness, contrast, saturation and hue of each image changed at random, in this order:
/// `{color-jitter: {brightness: 0.4, contrast: 0.4}}`.
///
/// A strength s draws factors uniform in [max(0, 1 − s), 1 + s]; for `hue` it draws turns of the colour circle in
/// [−s, s]. What has strength 0 draws nothing. The definition is torchvision's `ColorJitter` but for the order, which
/// is drawn there. Grey images have neither saturation nor hue.
public struct ColorJitter: BatchTransform, Configurable, Equatable {
  public var brightness = 0.0
  public var contrast = 0.0
  public var saturation = 0.0
  /// At most half a turn.
  public var hue = 0.0

  public init() {}

  public init(brightness: Double = 0, contrast: Double = 0, saturation: Double = 0, hue: Double = 0) {
    self.brightness = brightness
    self.contrast = contrast
    self.saturation = saturation
    self.hue = hue
  }

  public func validate(at node: ConfigurationNode) throws {
    try node.require("brightness", brightness, atLeast: 0)
    try node.require("contrast", contrast, atLeast: 0)
    try node.require("saturation", saturation, atLeast: 0)
    try node.require("hue", hue, in: 0...0.5)
  }

  /// - Throws: ``TransformError`` also for images of neither one nor three channels.
  public func callAsFunction(_ images: Tensor, _ generator: Generator) throws -> Tensor {
    let batch = try BatchShape(images, dtype: .float32, for: "color-jitter")
    guard batch.channels == 1 || batch.channels == 3 else {
      throw TransformError(transform: "color-jitter", problem: "needs 1 or 3 channels, not \(batch.channels)")
    }
    func draw(_ low: Double, _ high: Double) throws -> Tensor {
      let unit = try Tensor.uniform([batch.count, 1, 1, 1], generator)
      return try (unit * (high - low) + low).to(images.device)
    }
    func factors(_ strength: Double) throws -> Tensor { try draw(max(0, 1 - strength), 1 + strength) }
    var result = images
    if brightness > 0 { result = try result.withBrightness(factors(brightness)) }
    if contrast > 0 { result = try result.withContrast(factors(contrast)) }
    if saturation > 0 { result = try result.withSaturation(factors(saturation)) }
    if hue > 0 { result = try result.withHue(draw(-hue, hue)) }
    return result
  }
}
