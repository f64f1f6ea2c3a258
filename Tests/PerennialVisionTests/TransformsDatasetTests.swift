import Testing
import Torch

@testable import PerennialVision

@Suite struct TransformsDatasetTests {
  func bytes(_ shape: [Int]) throws -> Tensor {
    try Tensor.randomIntegers(0..<256, shape, Generator(seed: 4)).to(.uint8)
  }

  @Test func quarterTurnsOnlyMovePixels() throws {
    let images = try bytes([3, 2, 7, 7])
    let quarter = try FixedRotation(degrees: 90)(images)
    #expect(quarter.dtype == .uint8)
    #expect(try quarter.equals(images.transpose(2, 3).flip([2])))
    #expect(try FixedRotation(degrees: 180)(images).equals(images.flip([2, 3])))
    #expect(try FixedRotation(degrees: -90)(quarter).equals(images))
    #expect(try FixedRotation(degrees: 0)(images).equals(images))
  }

  @Test func blocksJoinWithoutSeam() throws {
    let images = try bytes([FixedRotation.block + 3, 1, 3, 3])
    let whole = try FixedRotation(degrees: 30)(images)
    let tail = try FixedRotation(degrees: 30)(images[FixedRotation.block - 2..<FixedRotation.block + 3])
    #expect(try whole[FixedRotation.block - 2..<FixedRotation.block + 3].equals(tail))
    #expect(try FixedRotation(degrees: 30)(bytes([0, 1, 3, 3])).shape == [0, 1, 3, 3])
  }

  @Test func aPermutationIsTheSameForAllImagesAndChannels() throws {
    let permutation = try PixelPermutation(pixels: 20, Generator(seed: 1))
    #expect(permutation.order.sorted() == Array(0..<20))
    #expect(permutation.order != Array(0..<20))
    #expect(try permutation == PixelPermutation(pixels: 20, Generator(seed: 1)))
    #expect(try permutation != PixelPermutation(pixels: 20, Generator(seed: 2)))
    let image = try bytes([1, 1, 4, 5])
    let copies = try permutation(image.expand([3, 2, 4, 5]))
    #expect(try copies.equals(permutation(image).expand([3, 2, 4, 5])))
    var inverse = [Int](repeating: 0, count: 20)
    for (to, from) in permutation.order.enumerated() { inverse[from] = to }
    #expect(try PixelPermutation(order: inverse)(permutation(image)).equals(image))
  }

  @Test func paddedDigitsKeepTheirPixels() throws {
    let digits = try bytes([2, 1, 28, 28])
    let padded = try ZeroPadding(height: 32, width: 32)(digits)
    #expect(padded.shape == [2, 1, 32, 32])
    #expect(padded.dtype == .uint8)
    let inside = try padded.narrow(dim: 2, start: 2, count: 28).narrow(dim: 3, start: 2, count: 28)
    #expect(try inside.equals(digits))
    #expect(try padded.to(.int64).sum().itemInt() == digits.to(.int64).sum().itemInt())
  }

  @Test func normalisationFusesWithTheGather() throws {
    let images = try bytes([6, 3, 4, 4])
    let rows = try Tensor([4, 0, 4])
    let normalization = Normalization.cifar10
    let fused = try images.gatherNormalized(
      rows, scale: normalization.pixelScale(), shift: normalization.pixelShift())
    let unit = Normalization.unit(channels: 3)
    let pixels = try images.gatherNormalized(rows, scale: unit.pixelScale(), shift: unit.pixelShift())
    #expect(try pixels.isClose(to: images.indexSelect(rows).to(.float32) / 255, relative: 1e-6))
    #expect(try fused.isClose(to: normalization(pixels), relative: 1e-5, absolute: 1e-6))
  }
}
