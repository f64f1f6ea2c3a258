import Testing
import Torch

@testable import PerennialVision

/// Every transform against its definition, one pixel at a time, with given parameters.
@Suite struct TransformsGoldenTests {
  let cases: [String: [String: Tensor]]
  init() throws { cases = try VisionFixtures.cases("golden-transforms.safetensors") }

  func check(
    _ name: String, _ parameters: [String], tolerance: Double = 0, _ body: (Tensor, [Tensor]) throws -> Tensor
  ) throws {
    let golden = try #require(cases[name])
    let images = try #require(golden["images"])
    let before = try images.clone()
    let output = try body(images, parameters.map { try #require(golden[$0]) })
    let expected = try #require(golden["output"])
    try #require(output.shape == expected.shape)
    #expect(try (output - expected).abs().amax([0, 1, 2, 3]).item() <= tolerance, "\(name)")
    #expect(try images.equals(before), "\(name) changes its input")
  }

  @Test func crop() throws {
    try check("crop", ["top", "left"]) {
      try $0.padded([3, 3, 3, 3]).cropped(height: 8, width: 8, top: $1[0], left: $1[1])
    }
    try check("crop_inside", ["top", "left"]) { try $0.cropped(height: 5, width: 5, top: $1[0], left: $1[1]) }
  }

  @Test func flip() throws { try check("flip", ["mask"]) { try $0.flippedHorizontally(where: $1[0]) } }

  @Test(arguments: ["rotate", "rotate_oblong"]) func rotate(name: String) throws {
    try check(name, ["degrees"], tolerance: 5e-6) { try $0.rotated(degrees: $1[0]) }
  }

  @Test(arguments: [90, -33]) func rotateBytes(degrees: Int) throws {
    let name = "rotate_bytes_\(degrees)"
    try check(name, []) { images, _ in try FixedRotation(degrees: Double(degrees))(images).to(.float32) }
  }

  @Test func colours() throws {
    func factor(_ values: [Tensor]) throws -> Tensor { try values[0].view([-1, 1, 1, 1]) }
    let tolerance = 2e-6
    try check("brightness", ["factor"], tolerance: tolerance) { try $0.withBrightness(factor($1)) }
    try check("contrast", ["factor"], tolerance: tolerance) { try $0.withContrast(factor($1)) }
    try check("contrast_grey", ["factor"], tolerance: tolerance) { try $0.withContrast(factor($1)) }
    try check("saturation", ["factor"], tolerance: tolerance) { try $0.withSaturation(factor($1)) }
    try check("hue", ["turns"], tolerance: tolerance) { try $0.withHue(factor($1)) }
  }

  @Test func normalize() throws {
    try check("normalize", [], tolerance: 2e-6) { images, _ in try Normalization.imageNet(images) }
  }

  @Test func permute() throws {
    try check("permute", ["order"]) { images, values in
      try PixelPermutation(order: values[0].integers())(images).to(.float32)
    }
  }

  @Test func pad() throws {
    try check("pad", []) { images, _ in try ZeroPadding(height: 8, width: 9)(images).to(.float32) }
  }
}
