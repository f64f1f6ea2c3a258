import Foundation

/// A small grey picture as the bytes of a PNG file, stored without compression.
public struct GreyPicture {
  private let width: Int
  private let pixels: [UInt8]

  /// - Parameter pixels: row by row; all rows together take less than 64 kB.
  public init(width: Int, _ pixels: [UInt8]) { (self.width, self.pixels) = (width, pixels) }

  public var png: Data {
    let height = pixels.count / width
    let rows = (0..<height).flatMap { [0] + pixels[($0 * width)..<(($0 + 1) * width)] }
    var (first, second): (UInt32, UInt32) = (1, 0)
    for byte in rows {
      first = (first + UInt32(byte)) % 65521
      second = (second + first) % 65521
    }
    let size = UInt16(rows.count)
    var stored: [UInt8] = [
      0x78, 0x01, 1, UInt8(size & 255), UInt8(size >> 8), UInt8(~size & 255), UInt8(~size >> 8),
    ]
    stored += rows
    stored += Self.bigEndian(second << 16 | first)
    var file: [UInt8] = [0x89, 0x50, 0x4E, 0x47, 0x0D, 0x0A, 0x1A, 0x0A]
    file += Self.chunk(
      "IHDR", Self.bigEndian(UInt32(width)) + Self.bigEndian(UInt32(height)) + [8, 0, 0, 0, 0])
    file += Self.chunk("IDAT", stored)
    file += Self.chunk("IEND", [])
    return Data(file)
  }

  private static func chunk(_ name: String, _ content: [UInt8]) -> [UInt8] {
    let body: [UInt8] = Array(name.utf8) + content
    var sum: UInt32 = .max
    for byte in body {
      sum ^= UInt32(byte)
      for _ in 0..<8 {
        let isOdd = sum & 1 == 1
        sum >>= 1
        if isOdd { sum ^= 0xEDB8_8320 }
      }
    }
    return bigEndian(UInt32(content.count)) + body + bigEndian(~sum)
  }

  private static func bigEndian(_ number: UInt32) -> [UInt8] {
    withUnsafeBytes(of: number.bigEndian) { Array($0) }
  }
}
