import Torch

// Colours of images `[N, C, H, W]` in [0, 1], changed by factors `[N, 1, 1, 1]`; C is 1 (grey) or 3 (red, green, blue).
// The formulas are those of `torchvision.transforms.functional`.
extension Tensor {
  /// factor · x
  func withBrightness(_ factor: Tensor) throws -> Tensor { try (self * factor).clamp(min: 0, max: 1) }

  /// Away from the image's mean grey, or towards it for factors below 1.
  func withContrast(_ factor: Tensor) throws -> Tensor {
    try blended(from: grey().mean([1, 2, 3], keepDims: true), factor)
  }

  /// Away from each pixel's grey, or towards it for factors below 1.
  func withSaturation(_ factor: Tensor) throws -> Tensor {
    shape[1] == 1 ? self : try blended(from: grey(), factor)
  }

  /// The hue turned by `turns` of the colour circle, in HSV.
  func withHue(_ turns: Tensor) throws -> Tensor {
    if shape[1] == 1 { return self }
    let (value, chroma, hue) = try hueAndChroma()
    let turned = try (hue + turns * 6).remainder(6)
    // value − chroma · max(0, min(k, 4 − k, 1)) with k = (n + hue) mod 6, n = 5, 3, 1 for red, green, blue.
    let offsets = try Tensor([5, 3, 1] as [Float], shape: [3, 1, 1]).to(device)
    let k = try (turned + offsets).remainder(6)
    return try value - chroma * k.minimum(4 - k).clamp(min: 0, max: 1)
  }

  private func blended(from base: Tensor, _ factor: Tensor) throws -> Tensor {
    try (base + factor * (self - base)).clamp(min: 0, max: 1)
  }

  /// Luma of ITU-R BT.601: `[N, 1, H, W]`.
  private func grey() throws -> Tensor {
    if shape[1] == 1 { return self }
    let weights = try Tensor([0.2989, 0.587, 0.114] as [Float], shape: [3, 1, 1]).to(device)
    return try (self * weights).sum([1], keepDims: true)
  }

  /// The largest channel, its distance from the smallest, and the hue in [0, 6), each `[N, 1, H, W]`; grey has hue 0.
  private func hueAndChroma() throws -> (value: Tensor, chroma: Tensor, hue: Tensor) {
    let channels = try split([1, 1, 1], dim: 1)
    let (red, green, blue) = (channels[0], channels[1], channels[2])
    let value = try amax([1], keepDims: true)
    let chroma = try value - amin([1], keepDims: true)
    let divisor = try Tensor.choose(chroma .== 0, chroma.onesLike(), chroma)
    let fromRed = try ((green - blue) / divisor).remainder(6)
    let fromGreen = try (blue - red) / divisor + 2
    let fromBlue = try (red - green) / divisor + 4
    let hue = try Tensor.choose(
      value .== red, fromRed, Tensor.choose(value .== green, fromGreen, fromBlue))
    return (value, chroma, hue)
  }
}
