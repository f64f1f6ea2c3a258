import Foundation
import Torch

/// A picture as it comes out of a file: 8 bits a channel, rows from the top, channels innermost.
public struct DecodedImage: Equatable, Sendable {
  /// Columns of pixels.
  public let width: Int

  /// Rows of pixels.
  public let height: Int

  /// 1 for grey, 3 for red, green and blue.
  public let channels: Int

  /// The pixels in the order height, width, channel.
  public let pixels: [UInt8]

  /// The most pixels that a picture may have, so that a few lying bytes cannot ask for all memory.
  public static let maximumPixels = 1 << 26

  init(width: Int, height: Int, channels: Int, pixels: [UInt8]) {
    self.width = width
    self.height = height
    self.channels = channels
    self.pixels = pixels
  }

  /// Decodes a PNG or JPEG file, told apart by its first bytes.
  ///
  /// Transparency is dropped, palettes are resolved, 16 bits become 8.
  ///
  /// - Throws: `FileError` for other formats, damaged data and pictures above `maximumPixels`.
  public init(_ url: URL) throws {
    try self.init(Data(file: url), file: url.path)
  }

  /// Decodes a PNG or JPEG file held in memory; `file` is its name in errors.
  public init(_ data: Data, file: String) throws {
    if data.starts(with: [0x89, 0x50, 0x4e, 0x47]) {
      try self.init(png: data, file: file)
    } else if data.starts(with: [0xff, 0xd8]) {
      try self.init(jpeg: data, file: file)
    } else {
      throw FileError(data.isEmpty ? .empty : .format, file, .byte(0), "neither PNG nor JPEG")
    }
  }

  static func checkSize(width: Int, height: Int, file: String) throws {
    guard width > 0, height > 0, width <= maximumPixels / height else {
      throw FileError(.range, file, "\(width) × \(height) pixels; allowed are up to \(maximumPixels) in all")
    }
  }

  /// The picture as planes `[channels, H, W]`; grey is repeated for three channels.
  func planes(_ wanted: Int) -> [UInt8] {
    if channels == 1 { return wanted == 1 ? pixels : pixels + pixels + pixels }
    var result: [UInt8] = []
    result.reserveCapacity(pixels.count)
    for channel in 0..<channels {
      for index in stride(from: channel, to: pixels.count, by: channels) { result.append(pixels[index]) }
    }
    return result
  }
}
