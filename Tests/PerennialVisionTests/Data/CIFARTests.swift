import Foundation
import TestSupport
import Testing
import Torch

@testable import Perennial
@testable import PerennialVision

@Suite("CIFAR-10 and CIFAR-100")
struct CIFARTests {
  private let folder: TestFolder

  init() throws { folder = try TestFolder() }

  /// Records with the given labels, whose pixels are the record's number and its plane.
  private func records(_ labels: [[UInt8]]) -> [UInt8] {
    labels.enumerated().flatMap { index, labels in
      labels + (0..<3).flatMap { [UInt8](repeating: UInt8(10 * index + $0), count: 1024) }
    }
  }

  private func root(withTests: Bool) throws -> DataRoot {
    for batch in 1...5 {
      try folder.write("cifar-10-batches-bin/data_batch_\(batch).bin", records([[UInt8(batch)], [0]]))
    }
    if withTests { try folder.write("cifar-10-batches-bin/test_batch.bin", records([[9]])) }
    return folder.root
  }

  @Test("the official test batch tests, and there is nothing to say")
  func official() throws {
    let dataset = try ImageDataset.named("cifar10", root: root(withTests: true))
    #expect(dataset.train.labels == [1, 0, 2, 0, 3, 0, 4, 0, 5, 0])
    #expect(dataset.test.labels == [9])
    #expect(dataset.note == nil)
    #expect(dataset.train.images.shape == [10, 3, 32, 32])
    let pixels = try dataset.train.images.array(of: UInt8.self)
    #expect(pixels[3072 + 1024 * 2] == 12)
    #expect(dataset.classNames[9] == "truck")
  }

  @Test("without it batch 5 tests, and a note says so")
  func substitute() throws {
    let dataset = try ImageDataset.cifar10(root(withTests: false))
    #expect(dataset.train.labels == [1, 0, 2, 0, 3, 0, 4, 0])
    #expect(dataset.test.labels == [5, 0])
    #expect(dataset.note?.contains("batch 5") == true)
  }

  @Test("a file that is no whole number of records, and a label out of range, name the place")
  func damage() throws {
    let root = try root(withTests: true)
    func failure(_ bytes: [UInt8]) throws -> FileError? {
      try folder.write("cifar-10-batches-bin/data_batch_3.bin", bytes)
      return #expect(throws: FileError.self) { try ImageDataset.cifar10(root) }
    }
    let cut = try failure(records([[1], [2]]).dropLast())
    #expect(cut?.kind == .truncated)
    #expect(cut?.place == .byte(3073))
    #expect(cut?.file.hasSuffix("data_batch_3.bin") == true)
    #expect(try failure([])?.kind == .empty)
    let label = try failure(records([[1], [10]]))
    #expect(label?.place == .record(1))
    #expect(label?.message == "the label 10; allowed are 0 to 9")
  }

  @Test("CIFAR-100 has fine and coarse labels")
  func hundred() throws {
    try folder.write("cifar-100-binary/train.bin", records([[19, 99], [0, 3]]))
    try folder.write("cifar-100-binary/test.bin", records([[4, 57]]))
    let fine = try ImageDataset.named("cifar100", root: folder.root)
    #expect(fine.train.labels == [99, 3])
    #expect(fine.classNames.count == 100)
    #expect(fine.classNames == fine.classNames.sorted())
    #expect(fine.classNames[57] == "pear")
    let coarse = try ImageDataset.named("cifar100-coarse", root: folder.root)
    #expect(coarse.train.labels == [19, 0])
    #expect(coarse.classNames.count == 20)
    #expect(coarse.classNames[4] == "fruit_and_vegetables")
    try folder.write("cifar-100-binary/test.bin", records([[20, 0]]))
    #expect(throws: FileError.self) { try ImageDataset.cifar100(.coarse, folder.root) }
    #expect(throws: Never.self) { try ImageDataset.cifar100(.fine, folder.root) }
  }

  @Test("damaged files never crash")
  func fuzz() throws {
    let root = try root(withTests: true)
    var errors = 0
    for bytes in FileMutations(of: records([[1], [2]]), count: 60) {
      try folder.write("cifar-10-batches-bin/test_batch.bin", bytes)
      do { _ = try ImageDataset.cifar10(root) } catch is FileError { errors += 1 }
    }
    #expect(errors > 20)
  }
}
