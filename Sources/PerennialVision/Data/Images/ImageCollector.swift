import Foundation
import Torch

/// Gathers pictures from files into one block of equal images.
struct ImageCollector {
  /// The size to which every picture is brought; nil demands that all have one.
  let size: ImageSize?
  private var images: [(image: DecodedImage, label: Int)] = []
  private var first: (file: String, image: DecodedImage)?

  init(size: ImageSize?) throws {
    if let size {
      try DecodedImage.checkSize(width: size.width, height: size.height, file: "the image size asked for")
    }
    self.size = size
  }

  /// Adds a picture.
  ///
  /// - Throws: `FileError` (`mismatch`) that names both files where its size differs from the first one's.
  mutating func append(_ data: Data, file: String, label: Int) throws {
    var image = try DecodedImage(data, file: file)
    if let size { image = image.resized(height: size.height, width: size.width) }
    if let first, first.image.width != image.width || first.image.height != image.height {
      throw FileError(
        .mismatch, file,
        "\(image.width) × \(image.height) pixels, while \(first.file) has \(first.image.width) × "
          + "\(first.image.height); images of one set have one size, or are resized to one")
    }
    if first == nil { first = (file, image) }
    images.append((image, label))
  }

  /// All pictures: grey where all are, otherwise colour.
  func buffer() -> ImageBuffer {
    let channels = images.contains { $0.image.channels == 3 } ? 3 : 1
    var buffer = ImageBuffer(
      channels: channels, height: first?.image.height ?? 0, width: first?.image.width ?? 0)
    buffer.pixels.reserveCapacity(images.count * buffer.imageSize)
    for (image, label) in images {
      buffer.pixels.append(contentsOf: image.planes(channels))
      buffer.labels.append(label)
    }
    return buffer
  }
}
