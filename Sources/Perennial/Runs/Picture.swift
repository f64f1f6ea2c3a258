import Foundation
import Torch

/// A picture that a strategy has to show at the end of a run, such as what a generator draws.
public struct Picture: Sendable {
  /// What is seen.
  public let title: String
  /// A PNG file.
  public let png: Data

  public init(_ title: String, png: Data) {
    self.title = title
    self.png = png
  }

  /// Images `[N, C, H, W]` in [0, 1], of one channel or three, row by row with `columns` in each.
  public init(_ title: String, grid images: Tensor, columns: Int) throws {
    let shape = images.shape
    guard shape.count == 4, shape[1] == 1 || shape[1] == 3, columns > 0 else {
      throw TorchError(.shape, "a picture is made of images [N, 1 or 3, H, W], not \(shape)")
    }
    let (channels, height, width) = (shape[1], shape[2], shape[3])
    let rows = (shape[0] + columns - 1) / columns
    // A pixel of white between images.
    let (fullWidth, fullHeight) = (columns * (width + 1) - 1, rows * (height + 1) - 1)
    let bytes: [UInt8] = try (images.detach().to(.cpu).clamp(min: 0, max: 1) * 255).round().to(.uint8)
      .contiguous().array()
    var pixels = [UInt8](repeating: 255, count: max(fullWidth * fullHeight, 0) * channels)
    for index in 0..<shape[0] {
      let (top, left) = (index / columns * (height + 1), index % columns * (width + 1))
      for channel in 0..<channels {
        for y in 0..<height {
          let source = ((index * channels + channel) * height + y) * width
          for x in 0..<width {
            pixels[((top + y) * fullWidth + left + x) * channels + channel] = bytes[source + x]
          }
        }
      }
    }
    self.init(title, png: PNG.encode(pixels, width: fullWidth, height: fullHeight, channels: channels))
  }
}

/// Writes PNG files (ISO/IEC 15948) without compression, which small pictures do not need.
enum PNG {
  /// - Parameter pixels: rows from the top, `channels` bytes a pixel: 1 for grey, 3 for red, green and blue.
  static func encode(_ pixels: [UInt8], width: Int, height: Int, channels: Int) -> Data {
    var lines: [UInt8] = []
    for y in 0..<height {
      lines.append(0)
      lines += pixels[(y * width * channels)..<((y + 1) * width * channels)]
    }
    var data = Data([0x89, 0x50, 0x4E, 0x47, 0x0D, 0x0A, 0x1A, 0x0A])
    data += chunk("IHDR", word(width) + word(height) + [8, channels == 1 ? 0 : 2, 0, 0, 0])
    data += chunk("IDAT", stored(lines))
    data += chunk("IEND", [])
    return data
  }

  private static func word(_ value: Int) -> [UInt8] {
    (0..<4).map { UInt8(truncatingIfNeeded: value >> (24 - 8 * $0)) }
  }

  private static func chunk(_ kind: String, _ body: [UInt8]) -> [UInt8] {
    let named = Array(kind.utf8) + body
    return word(body.count) + named + word(Int(checksum(named)))
  }

  /// A zlib stream of stored blocks (RFC 1950, 1951).
  private static func stored(_ bytes: [UInt8]) -> [UInt8] {
    var result: [UInt8] = [0x78, 0x01]
    let most = 0xFFFF
    for start in stride(from: 0, to: max(bytes.count, 1), by: most) {
      let block = bytes[start..<min(start + most, bytes.count)]
      let (low, high) = (UInt8(block.count & 255), UInt8(block.count >> 8))
      result += [start + most >= bytes.count ? 1 : 0, low, high, ~low, ~high] + block
    }
    var (a, b) = (1, 0)
    for byte in bytes {
      a = (a + Int(byte)) % 65521
      b = (b + a) % 65521
    }
    return result + word(b << 16 | a)
  }

  private static let table: [UInt32] = (0..<256).map { byte in
    (0..<8).reduce(UInt32(byte)) { crc, _ in crc & 1 == 1 ? (crc >> 1) ^ 0xEDB8_8320 : crc >> 1 }
  }

  /// CRC-32 (ISO 3309).
  static func checksum(_ bytes: [UInt8]) -> UInt32 {
    ~bytes.reduce(~0) { crc, byte in (crc >> 8) ^ table[Int(UInt8(truncatingIfNeeded: crc) ^ byte)] }
  }
}
