extension DecodedImage {
  /// The picture at another size: bilinear, over all the pixels that a smaller one covers.
  ///
  /// Horizontal first, then vertical, rounded to bytes after each: Pillow's `resize(BILINEAR)` up to its fixed-point
  /// rounding. The aspect ratio is not kept.
  public func resized(height newHeight: Int, width newWidth: Int) -> DecodedImage {
    guard newHeight != height || newWidth != width, newHeight > 0, newWidth > 0 else { return self }
    let horizontal = TriangleFilter(from: width, to: newWidth)
    var rows = [UInt8](repeating: 0, count: height * newWidth * channels)
    for row in 0..<height {
      for column in 0..<newWidth {
        for channel in 0..<channels {
          rows[(row * newWidth + column) * channels + channel] = horizontal.value(at: column) {
            pixels[(row * width + $0) * channels + channel]
          }
        }
      }
    }
    let vertical = TriangleFilter(from: height, to: newHeight)
    let line = newWidth * channels
    var result = [UInt8](repeating: 0, count: newHeight * line)
    for row in 0..<newHeight {
      for offset in 0..<line {
        result[row * line + offset] = vertical.value(at: row) { rows[$0 * line + offset] }
      }
    }
    return DecodedImage(width: newWidth, height: newHeight, channels: channels, pixels: result)
  }
}

/// For each new place the old ones that it covers, and their weights.
private struct TriangleFilter {
  private var taps: [(start: Int, weights: [Float])] = []

  init(from size: Int, to newSize: Int) {
    let scale = Float(size) / Float(newSize)
    let reach = max(scale, 1)
    for place in 0..<newSize {
      let center = (Float(place) + 0.5) * scale
      let start = max(0, Int(center - reach + 0.5))
      let end = min(size, Int(center + reach + 0.5))
      let weights = (start..<max(end, start + 1)).map { max(0, 1 - abs((Float($0) - center + 0.5) / reach)) }
      let sum = weights.reduce(0, +)
      taps.append((start, sum > 0 ? weights.map { $0 / sum } : weights))
    }
  }

  @inline(__always)
  func value(at place: Int, _ pixel: (Int) -> UInt8) -> UInt8 {
    let tap = taps[place]
    var sum: Float = 0.5
    for (offset, weight) in tap.weights.enumerated() { sum += weight * Float(pixel(tap.start + offset)) }
    return UInt8(max(0, min(255, sum)))
  }
}
