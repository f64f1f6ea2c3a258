import Testing
import Torch

@testable import PerennialVision

/// What random transforms draw: distributions, limits, and nothing but the generator.
@Suite struct TransformsRandomTests {
  static let transforms: [(name: String, make: @Sendable () -> any BatchTransform)] = [
    ("crop", { RandomCrop(padding: 2) }),
    ("flip", { RandomFlip() }),
    ("rotate", { RandomRotation(degrees: 30) }),
    ("color-jitter", { ColorJitter(brightness: 0.4, contrast: 0.4, saturation: 0.4, hue: 0.1) }),
    ("all", { Augmentation([RandomCrop(padding: 2), RandomFlip(), ColorJitter(brightness: 0.2)]) }),
  ]

  func images(_ count: Int = 32, channels: Int = 3, size: Int = 8) throws -> Tensor {
    try Tensor.uniform([count, channels, size, size], Generator(seed: 4))
  }

  @Test(arguments: transforms.indices) func dependsOnTheGeneratorAlone(index: Int) throws {
    let transform = Self.transforms[index].make()
    let images = try images()
    let generator = try Generator(seed: 1)
    let state = try generator.state()
    let first = try transform(images, generator)
    let second = try transform(images, generator)
    try generator.restore(state)
    let again = try transform(images, generator)
    #expect(first.shape == images.shape)
    #expect(first.dtype == .float32)
    #expect(try again.equals(first))
    #expect(try !second.equals(first))
    #expect(try first.amin([0, 1, 2, 3]).item() >= 0)
    #expect(try first.amax([0, 1, 2, 3]).item() <= 1)
  }

  @Test(arguments: transforms.indices) func everyImageHasItsOwnParameters(index: Int) throws {
    let copies = try images(1).expand([32, 3, 8, 8]).contiguous()
    let transform = Self.transforms[index].make()
    let result = try transform(copies, Generator(seed: 1)).flatten(from: 1)
    var distinct: Set<[Float]> = []
    for row in 0..<32 { distinct.insert(try result[row].floats()) }
    #expect(distinct.count > (Self.transforms[index].name == "flip" ? 1 : 10))
  }

  @Test func cropsReachEveryPlaceEquallyOften() throws {
    // The pixel's value is its place, so a window tells where it was taken from.
    let count = 9000
    let places = try Tensor.arange(1, 17).to(.float32).view([1, 1, 4, 4]).expand([count, 1, 4, 4])
    let crops = try RandomCrop(padding: 0, size: 2)(places, Generator(seed: 2))
    #expect(crops.shape == [count, 1, 2, 2])
    let corners = try crops.select(0, dim: 3).select(0, dim: 2).flatten().integers()
    let counts = Dictionary(corners.map { ($0, 1) }, uniquingKeysWith: +)
    #expect(Set(counts.keys) == [1, 2, 3, 5, 6, 7, 9, 10, 11])
    #expect(counts.values.allSatisfy { abs($0 - 1000) < 150 }, "\(counts)")
    let differences = try crops.select(1, dim: 2) - crops.select(0, dim: 2)
    #expect(try (differences .== 4).all().item() == 1)
  }

  @Test func paddingIsBlackAndInsideKeeps() throws {
    let count = 2000
    let crops = try RandomCrop(padding: 1)(Tensor.ones([count, 2, 3, 3]), Generator(seed: 2))
    let sums = Set(try crops.sum([1, 2, 3]).integers())
    #expect(sums == [2 * 4, 2 * 6, 2 * 9])
    let identity = try RandomCrop(padding: 0)(images(), Generator(seed: 2))
    #expect(try identity.equals(images()))
  }

  @Test(arguments: [0, 0.25, 0.5, 1]) func flipsHaveTheirProbability(probability: Double) throws {
    let count = 4000
    let pair = try Tensor([0, 1] as [Float]).view([1, 1, 1, 2]).expand([count, 1, 1, 2])
    let flipped = try RandomFlip(probability: probability)(pair, Generator(seed: 6))
    let fraction = try flipped.select(0, dim: 3).mean().item()
    #expect(abs(fraction - probability) < 0.03)
    #expect(probability != 0 && probability != 1 || fraction == probability)
  }

  @Test func anglesStayWithinTheirRange() throws {
    let count = 500
    let none = try RandomRotation(degrees: 0)(images(), Generator(seed: 1))
    #expect(try none.isClose(to: images(), relative: 0, absolute: 1e-5))
    // A ramp from left to right: its slopes at the centre tell by how much it was turned.
    let ramp = try Tensor.linspace(-1, 1, count: 33).view([1, 1, 1, 33]).expand([count, 1, 33, 33])
      .contiguous()
    let turned = try RandomRotation(degrees: 20)(ramp, Generator(seed: 1))
    func pixel(_ row: Int, _ column: Int) throws -> Tensor {
      try turned.select(row, dim: 2).select(column, dim: 2)
    }
    let across = try pixel(16, 17) - pixel(16, 15)
    let down = try pixel(17, 16) - pixel(15, 16)
    // x turned counter-clockwise by a is x cos a − y sin a with y upwards: tan a = down / across.
    let tangents = try (down / across).flatten().floats()
    let limit = Float(0.36397)
    #expect(tangents.allSatisfy { abs($0) <= limit + 1e-3 })
    #expect((tangents.max() ?? 0) > 0.9 * limit)
    #expect((tangents.min() ?? 0) < -0.9 * limit)
    #expect(abs(tangents.reduce(0, +) / Float(count)) < 0.03)
  }

  @Test func brightnessFactorsAreUniform() throws {
    let count = 4000
    let half = try Tensor.full([count, 1, 1, 1], 0.5)
    let factors = try (ColorJitter(brightness: 0.4)(half, Generator(seed: 3)) * 2).flatten()
    #expect(abs(try factors.mean().item() - 1) < 0.02)
    #expect(abs(try factors.variance([0]).item() - 0.8 * 0.8 / 12) < 0.003)
    #expect(try factors.amin([0]).item() >= 0.6 - 1e-6)
    #expect(try factors.amax([0]).item() <= 1.4 + 1e-6)
    let strong = try ColorJitter(brightness: 3)(half, Generator(seed: 3))
    #expect(try strong.amin([0, 1, 2, 3]).item() >= 0)
  }

  @Test func strengthZeroDrawsNothing() throws {
    let generator = try Generator(seed: 3)
    let state = try generator.state()
    #expect(try ColorJitter()(images(), generator).equals(images()))
    #expect(try Augmentation()(images(), generator).equals(images()))
    #expect(try generator.state().equals(state))
  }

  @Test func greyImagesHaveNoColours() throws {
    let grey = try images(channels: 1)
    #expect(try ColorJitter(saturation: 1, hue: 0.5)(grey, Generator(seed: 3)).equals(grey))
    let same = try grey.expand([32, 3, 8, 8])
    let turned = try ColorJitter(hue: 0.5)(same, Generator(seed: 3))
    #expect(try turned.isClose(to: same, relative: 0, absolute: 1e-6))
  }
}
