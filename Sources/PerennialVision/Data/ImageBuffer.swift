import Torch

/// Images of one size while a reader gathers them: planes in the order `[N, C, H, W]`.
struct ImageBuffer {
  var pixels: [UInt8] = []
  var labels: [Int] = []
  let channels: Int
  let height: Int
  let width: Int

  /// Bytes of one image.
  var imageSize: Int { channels * height * width }

  /// The images at the given places, in that order.
  func selecting(_ indices: [Int]) -> ImageBuffer {
    var result = ImageBuffer(channels: channels, height: height, width: width)
    result.pixels.reserveCapacity(indices.count * imageSize)
    for index in indices {
      result.pixels.append(contentsOf: pixels[index * imageSize..<(index + 1) * imageSize])
      result.labels.append(labels[index])
    }
    return result
  }

  /// The images as a tensor, with their labels checked.
  func labeled(classNames: [String], source: String) throws -> LabeledImages {
    let shape = [labels.count, channels, height, width]
    guard shape.elementCount == pixels.count else {
      throw FileError(.mismatch, source, "\(pixels.count) pixels and \(labels.count) labels")
    }
    let images = try pixels.withUnsafeBytes { try Tensor(bytes: $0, shape: shape, dtype: .uint8) }
    return try LabeledImages(images: images, labels: labels, classNames: classNames, source: source)
  }
}
