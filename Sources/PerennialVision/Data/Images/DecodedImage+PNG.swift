import CPNG
import Foundation
import Torch

extension DecodedImage {
  /// Decodes PNG through libpng's simplified interface, whose errors come as codes and never as jumps.
  init(png data: Data, file: String) throws {
    var image = png_image()
    image.version = png_uint_32(PNG_IMAGE_VERSION)
    defer { png_image_free(&image) }
    self = try data.withUnsafeBytes { bytes in
      guard png_image_begin_read_from_memory(&image, bytes.baseAddress, bytes.count) != 0 else {
        throw FileError(.corrupt, file, "damaged PNG: \(message(of: image))")
      }
      let (width, height) = (Int(image.width), Int(image.height))
      try DecodedImage.checkSize(width: width, height: height, file: file)
      // 16-bit samples are taken as sRGB, as everyone's are, and not as linear light.
      image.flags |= png_uint_32(PNG_IMAGE_FLAG_16BIT_sRGB)
      let channels = image.format & png_uint_32(PNG_FORMAT_FLAG_COLOR) != 0 ? 3 : 1
      let isTransparent = image.format & png_uint_32(PNG_FORMAT_FLAG_ALPHA) != 0
      image.format =
        png_uint_32(channels == 3 ? PNG_FORMAT_FLAG_COLOR : 0)
        | png_uint_32(isTransparent ? PNG_FORMAT_FLAG_ALPHA : 0)
      let samples = channels + (isTransparent ? 1 : 0)
      var pixels = [UInt8](repeating: 0, count: width * height * samples)
      let status = pixels.withUnsafeMutableBytes {
        png_image_finish_read(&image, nil, $0.baseAddress, 0, nil)
      }
      guard status != 0, image.warning_or_error & 2 == 0 else {
        throw FileError(.corrupt, file, "damaged PNG: \(message(of: image))")
      }
      if isTransparent { pixels = pixels.droppingLast(of: samples) }
      return DecodedImage(width: width, height: height, channels: channels, pixels: pixels)
    }
  }
}

private func message(of image: png_image) -> String {
  withUnsafeBytes(of: image.message) { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) }
}

extension [UInt8] {
  /// The samples without the last one of each pixel.
  fileprivate func droppingLast(of samples: Int) -> [UInt8] {
    var result: [UInt8] = []
    result.reserveCapacity(count / samples * (samples - 1))
    for start in stride(from: 0, to: count, by: samples) {
      result.append(contentsOf: self[start..<start + samples - 1])
    }
    return result
  }
}
