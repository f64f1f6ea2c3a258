@testable import Torch

/// Small PNG files, built without libpng.
enum TestPictures {
  /// A grey picture whose pixels count up from `first`.
  static func png(width: Int, height: Int, first: UInt8 = 0) -> [UInt8] {
    let size = TestArchives.big(UInt32(width)) + TestArchives.big(UInt32(height))
    let rows = (0..<height).flatMap { row -> [UInt8] in
      [0] + (0..<width).map { first &+ UInt8(row * width + $0) }
    }
    return [0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a] + chunk("IHDR", size + [8, 0, 0, 0, 0])
      + chunk("IDAT", zlib(rows)) + chunk("IEND", [])
  }

  private static func chunk(_ name: String, _ content: [UInt8]) -> [UInt8] {
    let body = Array(name.utf8) + content
    return TestArchives.big(UInt32(content.count)) + body
      + TestArchives.big(body.withUnsafeBytes(Inflate.checksum))
  }

  /// A zlib stream of one stored block.
  private static func zlib(_ bytes: [UInt8]) -> [UInt8] {
    var (low, high): (UInt32, UInt32) = (1, 0)
    for byte in bytes {
      low = (low + UInt32(byte)) % 65_521
      high = (high + low) % 65_521
    }
    let length = UInt16(bytes.count)
    return [0x78, 1, 1, UInt8(length & 0xff), UInt8(length >> 8), UInt8(~length & 0xff), UInt8(~length >> 8)]
      + bytes
      + TestArchives.big(high << 16 | low)
  }
}
