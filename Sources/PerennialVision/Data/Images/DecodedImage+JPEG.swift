import CImage
import Foundation
import Torch

extension DecodedImage {
  /// Decodes JPEG by libjpeg; damage that it would paint over is an error.
  init(jpeg data: Data, file: String) throws {
    self = try data.withUnsafeBytes { raw in
      let bytes = raw.bindMemory(to: UInt8.self)
      var message = [CChar](repeating: 0, count: Int(CIMAGE_MESSAGE_LENGTH))
      func check(_ status: Int32) throws {
        guard status != 0 else { return }
        let reason = String(decoding: message.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self)
        throw FileError(.corrupt, file, "damaged JPEG: \(reason)")
      }
      var (width, height, channels): (Int32, Int32, Int32) = (0, 0, 0)
      try check(cimage_jpeg_size(bytes.baseAddress, bytes.count, &width, &height, &channels, &message))
      try DecodedImage.checkSize(width: Int(width), height: Int(height), file: file)
      var pixels = [UInt8](repeating: 0, count: Int(width) * Int(height) * Int(channels))
      let capacity = pixels.count
      try check(cimage_jpeg_decode(bytes.baseAddress, bytes.count, channels, &pixels, capacity, &message))
      return DecodedImage(width: Int(width), height: Int(height), channels: Int(channels), pixels: pixels)
    }
  }
}
