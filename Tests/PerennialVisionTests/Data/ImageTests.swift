import Foundation
import TestSupport
import Testing
import Torch

@testable import PerennialVision

@Suite("PNG and JPEG")
struct ImageTests {
  private func expected(_ name: String) throws -> NpyArray {
    try NpzArchive(Fixture.url("images/expected.npz")).array(name)
  }

  private func largestDifference(_ a: [UInt8], _ b: [UInt8]) -> Int {
    zip(a, b).map { abs(Int($0) - Int($1)) }.max() ?? 0
  }

  @Test(
    "decode as Pillow decodes them",
    arguments: [
      ("color.png", 0), ("grey.png", 0), ("alpha.png", 0), ("bits.png", 0), ("palette.png", 0),
      ("sixteen.png", 0),
      // Two builds of libjpeg may differ by their rounding.
      ("color.jpg", 2), ("grey.jpg", 2), ("progressive.jpg", 2), ("full.jpg", 2),
    ])
  func decode(name: String, tolerance: Int) throws {
    let image = try DecodedImage(Fixture.url("images/\(name)"))
    let expected = try expected(name)
    #expect([image.height, image.width, image.channels] == expected.shape)
    #expect(image.pixels.count == expected.bytes.count)
    #expect(largestDifference(image.pixels, expected.bytes) <= tolerance)
  }

  @Test("resize as Pillow does, smaller and larger", arguments: [(10, 16), (40, 50), (24, 11)])
  func resize(height: Int, width: Int) throws {
    let image = try DecodedImage(Fixture.url("images/color.png")).resized(height: height, width: width)
    let expected = try expected("color.png \(height)x\(width)")
    #expect([image.height, image.width, image.channels] == expected.shape)
    #expect(largestDifference(image.pixels, expected.bytes) <= 1)
  }

  @Test("resizing to the same size changes nothing, and keeps a flat picture flat")
  func identity() throws {
    let image = try DecodedImage(Fixture.url("images/color.png"))
    #expect(image.resized(height: 24, width: 33) == image)
    let flat = DecodedImage(width: 7, height: 5, channels: 1, pixels: [UInt8](repeating: 201, count: 35))
    #expect(Set(flat.resized(height: 3, width: 9).pixels) == [201])
    #expect(Set(flat.resized(height: 50, width: 1).pixels) == [201])
  }

  @Test("planes put channels in front and repeat grey")
  func planes() {
    let color = DecodedImage(width: 2, height: 1, channels: 3, pixels: [1, 2, 3, 4, 5, 6])
    #expect(color.planes(3) == [1, 4, 2, 5, 3, 6])
    let grey = DecodedImage(width: 2, height: 1, channels: 1, pixels: [7, 8])
    #expect(grey.planes(1) == [7, 8])
    #expect(grey.planes(3) == [7, 8, 7, 8, 7, 8])
  }

  @Test(
    "other formats and cut files are errors that name the file",
    arguments: ["color.png", "color.jpg", "progressive.jpg"])
  func cut(name: String) throws {
    let bytes = try Fixture.bytes("images/\(name)")
    for count in [4, bytes.count / 2, bytes.count - 20] {
      let error = #expect(throws: FileError.self) { try DecodedImage(Data(bytes.prefix(count)), file: name) }
      #expect(error?.kind == .corrupt)
      #expect(error?.file == name)
    }
    #expect(throws: FileError(.format, "a", .byte(0), "neither PNG nor JPEG")) {
      try DecodedImage(Data("GIF89a".utf8), file: "a")
    }
    #expect(throws: FileError(.empty, "a", .byte(0), "neither PNG nor JPEG")) {
      try DecodedImage(Data(), file: "a")
    }
  }

  @Test("a huge picture in a few bytes is refused without memory for it")
  func huge() throws {
    var bytes = try Fixture.bytes("images/color.jpg")
    let frame = try #require(bytes.firstRange(of: [0xff, 0xc0, 0, 17, 8])).upperBound
    bytes.replaceSubrange(frame..<frame + 4, with: [0xff, 0xdc, 0xff, 0xdc])
    let error = #expect(throws: FileError.self) { try DecodedImage(Data(bytes), file: "a.jpg") }
    #expect(error?.kind == .range)
    #expect(throws: FileError.self) { try DecodedImage.checkSize(width: .max, height: .max, file: "a") }
    #expect(throws: FileError.self) { try DecodedImage.checkSize(width: 0, height: 3, file: "a") }
  }

  @Test(
    "damaged PNG gives an error or the true picture",
    arguments: ["color.png", "alpha.png", "palette.png", "bits.png"])
  func fuzzPNG(name: String) throws {
    let original = try Fixture.bytes("images/\(name)")
    let picture = try DecodedImage(Data(original), file: name)
    var errors = 0
    for bytes in FileMutations(of: original, count: 400) {
      do {
        let image = try DecodedImage(Data(bytes), file: name)
        #expect(image.pixels.count == image.width * image.height * image.channels)
        #expect(image == picture)
      } catch is FileError {
        errors += 1
      }
    }
    #expect(errors > 200)
  }

  @Test("damaged JPEG never crashes", arguments: ["color.jpg", "grey.jpg", "progressive.jpg", "full.jpg"])
  func fuzzJPEG(name: String) throws {
    var errors = 0
    for bytes in FileMutations(of: try Fixture.bytes("images/\(name)"), count: 400) {
      do {
        let image = try DecodedImage(Data(bytes), file: name)
        #expect(image.pixels.count == image.width * image.height * image.channels)
      } catch is FileError {
        errors += 1
      }
    }
    #expect(errors > 100)
  }
}
