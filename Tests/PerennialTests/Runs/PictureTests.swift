import Foundation
import Testing
import Torch

@testable import Perennial

@Suite struct PictureTests {
  @Test func theChecksumIsTheOneOfTheStandard() {
    // The value that every PNG file ends with, and the check value of CRC-32.
    #expect(PNG.checksum(Array("IEND".utf8)) == 0xAE42_6082)
    #expect(PNG.checksum(Array("123456789".utf8)) == 0xCBF4_3926)
  }

  /// Read back by our own inflater: rows with filter 0, images side by side with a line of white between.
  @Test func aGridIsAPNGFile() throws {
    let images = try Tensor([Float(0), 1, 0.5, 0, 1, 1, 0, 0, 0, 0, 0, 0], shape: [3, 1, 2, 2])
    let png = [UInt8](try Picture("three", grid: images, columns: 2).png)
    #expect(Array(png[0..<8]) == [0x89, 0x50, 0x4E, 0x47, 0x0D, 0x0A, 0x1A, 0x0A])
    #expect(Array(png[16..<29]) == [0, 0, 0, 5, 0, 0, 0, 5, 8, 0, 0, 0, 0])
    let lines: [[UInt8]] = [
      [0, 0, 255, 255, 255, 255], [0, 128, 0, 255, 0, 0], [0, 255, 255, 255, 255, 255],
      [0, 0, 0, 255, 255, 255], [0, 0, 0, 255, 255, 255],
    ]
    // Chunk head 8, zlib head 2, block head 5.
    let start = 33 + 8 + 2 + 5
    #expect(Array(png[start..<(start + 30)]) == lines.flatMap { $0 })
  }

  @Test func picturesOfARunAreInItsReport() throws {
    let place = TemporaryPlace()
    defer { place.remove() }
    let picture = try Picture("digits <drawn>", grid: Tensor.zeros([1, 1, 2, 2]), columns: 1)
    try PictureFolder(place.url).add(picture, run: "dgr-0")
    try PictureFolder(place.url).add(picture, run: "dgr-0")
    let pictures = RunFolder.pictures(in: place.url)
    #expect(pictures.map(\.title) == ["dgr-0 - digits <drawn>"])
    #expect(pictures.map(\.png) == [picture.png])
    let page = Report.html(for: SampleResults.make(), recipe: "", pictures: pictures)
    #expect(page.contains("data:image/png;base64,\(picture.png.base64EncodedString())"))
    #expect(page.contains("digits &lt;drawn&gt;") && !page.contains("<drawn>"))
  }

  @Test func imagesOfOtherShapesAreRefused() {
    #expect(throws: TorchError.self) { try Picture("", grid: Tensor.zeros([3, 4]), columns: 1) }
  }
}
