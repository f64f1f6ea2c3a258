import Perennial
import Testing
import Torch

@testable import PerennialVision

/// Images that do not suit, options that make no sense, and how a recipe's mistakes are told.
@Suite struct TransformsErrorTests {
  let generator: Generator
  init() throws { generator = try Generator(seed: 1) }

  func problem(_ body: () throws -> Void) -> String? {
    do {
      try body()
      return nil
    } catch { return (error as? TransformError)?.description ?? "another error: \(error)" }
  }

  @Test func shapesAndTypes() throws {
    let transforms: [(String, any BatchTransform)] = [
      ("crop", RandomCrop()), ("flip", RandomFlip()), ("rotate", RandomRotation()),
      ("color-jitter", ColorJitter(brightness: 1)),
    ]
    for (name, transform) in transforms {
      let flat = problem { _ = try transform(Tensor.zeros([2, 12]), generator) }
      #expect(flat == "\(name): needs float32 images of shape [N, C, H, W], not float32 of [2, 12]")
      let raw = problem { _ = try transform(Tensor.zeros([2, 3, 4, 4], dtype: .uint8), generator) }
      #expect(raw == "\(name): needs float32 images of shape [N, C, H, W], not uint8 of [2, 3, 4, 4]")
      #expect(try transform(Tensor.zeros([0, 3, 4, 4]), generator).shape == [0, 3, 4, 4])
    }
    let fixed: [(String, any DatasetTransform)] = [
      ("rotate", FixedRotation(degrees: 3)), ("permute", try PixelPermutation(order: [1, 0])),
      ("pad", ZeroPadding(height: 9, width: 9)),
    ]
    for (name, transform) in fixed {
      let floats = problem { _ = try transform(Tensor.zeros([2, 1, 1, 2])) }
      #expect(floats == "\(name): needs uint8 images of shape [N, C, H, W], not float32 of [2, 1, 1, 2]")
    }
  }

  @Test func impossibleParameters() throws {
    let images = try Tensor.zeros([2, 2, 4, 4])
    #expect(
      problem { _ = try RandomCrop(padding: 1, size: 7)(images, generator) }
        == "crop: no window of 7×7 in images of 4×4 padded by 1")
    #expect(problem { _ = try RandomCrop(padding: -1)(images, generator) } != nil)
    #expect(
      problem { _ = try ColorJitter(brightness: 1)(images, generator) }
        == "color-jitter: needs 1 or 3 channels, not 2")
    #expect(
      problem { _ = try Normalization.imageNet(images) }
        == "normalize: has statistics of 3 channels, the images have 2")
    #expect(problem { _ = try Normalization(mean: [0], deviation: [0]) } != nil)
    #expect(problem { _ = try Normalization(mean: [0, 1], deviation: [1]) } != nil)
    #expect(problem { _ = try Normalization(mean: [.nan], deviation: [1]) } != nil)
    #expect(try Normalization(mean: [0.1307], deviation: [0.3081]) == .mnist)
    #expect(
      problem { _ = try PixelPermutation(order: [0, 2]) }
        == "permute: needs each of the places 0 ..< 2 once, not [0, 2]")
    let bytes = try images.to(.uint8)
    #expect(
      problem { _ = try PixelPermutation(order: [1, 0])(bytes) }
        == "permute: orders 2 pixels, the images have 4×4")
    #expect(
      problem { _ = try ZeroPadding(height: 4, width: 3)(bytes) } == "pad: images of 4×4 do not fit into 4×3")
  }

  func augmentation(_ yaml: String) throws -> Augmentation {
    let node = try ConfigurationNode(yaml: yaml, source: "recipe.yaml")
    return try Augmentation(node.decode([Selection].self))
  }

  @Test func recipesNameTransforms() throws {
    let chain = try augmentation(
      """
      - {crop: {padding: 2, size: 6}}
      - flip
      - {rotate: {degrees: 5}}
      - {color-jitter: {brightness: 0.2, hue: 0.1}}
      """)
    try #require(chain.transforms.count == 4)
    #expect(chain.transforms[0] as? RandomCrop == RandomCrop(padding: 2, size: 6))
    #expect(chain.transforms[1] as? RandomFlip == RandomFlip(probability: 0.5))
    #expect(chain.transforms[2] as? RandomRotation == RandomRotation(degrees: 5))
    #expect(chain.transforms[3] as? ColorJitter == ColorJitter(brightness: 0.2, hue: 0.1))
    #expect(Augmentation.names == ["crop", "flip", "rotate", "color-jitter"])
    #expect(try augmentation("[]").isEmpty)
    #expect(try chain(Tensor.zeros([2, 3, 8, 8]), generator).shape == [2, 3, 6, 6])
  }

  @Test(arguments: [
    ("[flap]", "unknown augmentation `flap`, did you mean `flip`?"),
    ("[{crop: {pading: 4}}]", "pading"),
    ("[{crop: {padding: -1}}]", "padding: must be at least 0"),
    ("[{crop: {size: 0}}]", "size: must be at least 1"),
    ("[{flip: {probability: 1.5}}]", "probability: must be between 0 and 1"),
    ("[{rotate: {degrees: 200}}]", "degrees: must be between 0 and 180"),
    ("[{color-jitter: {hue: 0.6}}]", "hue: must be between 0 and 0.5"),
    ("[{color-jitter: {contrast: -1}}]", "contrast: must be at least 0"),
  ])
  func mistakesAreToldWithTheirLine(yaml: String, message: String) throws {
    do {
      _ = try augmentation(yaml)
      Issue.record("\(yaml) was accepted")
    } catch let error as ConfigurationError {
      #expect(error.description.contains(message), "\(error)")
      #expect(error.description.hasPrefix("recipe.yaml:1"))
    }
  }
}
