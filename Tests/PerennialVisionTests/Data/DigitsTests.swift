import Testing
import Torch

@testable import PerennialVision

@Suite("The digits that come with Perennial")
struct DigitsTests {
  @Test("are there without a data root, in a fixed split")
  func split() throws {
    let digits = try ImageDataset.digits()
    #expect(digits.train.images.shape == [1438, 1, 8, 8])
    #expect(digits.test.images.shape == [359, 1, 8, 8])
    #expect(digits.train.images.dtype == .uint8)
    #expect(digits.classNames == ["0", "1", "2", "3", "4", "5", "6", "7", "8", "9"])
    for label in 0..<10 {
      let (train, test) = (
        digits.train.labels.count { $0 == label }, digits.test.labels.count { $0 == label }
      )
      #expect(test == Int((Double(train + test) * 0.2).rounded()))
    }
  }

  @Test("spread 17 levels over all of a byte")
  func levels() throws {
    let levels = Set(try ImageDataset.digits().train.images.array(of: UInt8.self))
    #expect(levels == Set((0...16).map { UInt8((Double($0) * 255 / 16).rounded()) }))
  }
}

@Suite("Held-out examples")
struct HeldOutTests {
  @Test("are the last of each class, in order")
  func last() {
    let split = HeldOut.lastOfEachClass([0, 1, 0, 1, 0, 1, 0, 1, 0, 1])
    #expect(split.train == [0, 1, 2, 3, 4, 5, 6, 7])
    #expect(split.test == [8, 9])
  }

  @Test("never take a class's only example, and always one of two")
  func few() {
    let split = HeldOut.lastOfEachClass([7, 3, 3])
    #expect(split.train == [0, 1])
    #expect(split.test == [2])
    #expect(HeldOut.lastOfEachClass([1, 1, 1], fraction: 1).train == [0])
    #expect(HeldOut.lastOfEachClass([]).test.isEmpty)
  }
}
