import Foundation
import TestSupport
import Testing
import Torch

@testable import PerennialVision

@Suite("IDX files and the sets that use them")
struct IDXTests {
  private let folder: TestFolder

  init() throws { folder = try TestFolder() }

  private let pixels: [UInt8] = Array(0..<24)

  private func failure(_ bytes: [UInt8], rank: Int) -> FileError? {
    #expect(throws: FileError.self) { try IDXFile(bytes, rank: rank, file: "a") }
  }

  @Test("reads plain and compressed files")
  func reads() throws {
    let bytes = TestArchives.idx([2, 3, 4], pixels)
    for content in [bytes, TestArchives.gzip(bytes)] {
      let file = try IDXFile(folder.write("a", content), rank: 3)
      #expect(file.shape == [2, 3, 4])
      #expect(file.bytes == pixels)
    }
  }

  @Test("a wrong magic number names its offset")
  func magic() {
    #expect(failure([], rank: 1)?.kind == .truncated)
    #expect(failure([1, 0, 8, 1, 0, 0, 0, 0], rank: 1)?.place == .byte(0))
    #expect(failure([0, 0, 9, 1, 0, 0, 0, 0], rank: 1)?.place == .byte(2))
    #expect(
      failure([0, 0, 8, 2, 0, 0, 0, 0], rank: 1)?.description == "a, at byte 3: 2 dimensions instead of 1")
    #expect(failure([0, 0, 8, 3, 0, 0, 0, 0], rank: 3)?.kind == .truncated)
  }

  @Test("sizes that lie are refused without memory for them")
  func sizes() {
    let huge = [0, 0, 8, 3] + [UInt8](repeating: 0xff, count: 12)
    #expect(failure(huge, rank: 3)?.kind == .truncated)
    #expect(failure(TestArchives.idx([4_000_000_000], pixels), rank: 1)?.kind == .truncated)
    #expect(failure(TestArchives.idx([2, 3, 4], Array(pixels.dropLast())), rank: 3)?.kind == .truncated)
    let longer = failure(TestArchives.idx([2, 3, 4], pixels + [1]), rank: 3)
    #expect(longer?.kind == .corrupt)
    #expect(longer?.place == .byte(40))
  }

  @Test("images and labels must fit")
  func pairs() throws {
    let images = try folder.write("images", TestArchives.idx([2, 3, 4], pixels))
    func labels(_ values: [UInt8]) throws -> URL {
      try folder.write("labels", TestArchives.idx([values.count], values))
    }
    let names = ["a", "b"]
    let read = try LabeledImages.idx(images: images, labels: labels([1, 0]), classNames: names)
    #expect(read.images.shape == [2, 1, 3, 4])
    #expect(try read.images.array(of: UInt8.self) == pixels)
    #expect(read.labels == [1, 0])
    #expect(try read.labelTensor().array(of: Int.self) == [1, 0])
    let fewer = #expect(throws: FileError.self) {
      try LabeledImages.idx(images: images, labels: labels([1]), classNames: names)
    }
    #expect(fewer?.kind == .mismatch)
    let beyond = #expect(throws: FileError.self) {
      try LabeledImages.idx(images: images, labels: labels([1, 2]), classNames: names)
    }
    #expect(beyond?.place == .record(1))
    #expect(beyond?.message == "the label 2; allowed are 0 to 1")
    let none = try folder.write("none", TestArchives.idx([0, 3, 4], []))
    let empty = #expect(throws: FileError.self) {
      try LabeledImages.idx(images: none, labels: labels([]), classNames: names)
    }
    #expect(empty?.kind == .empty)
  }

  @Test("EMNIST is turned upright, and its letters count from 1")
  func emnist() throws {
    for part in ["train", "test"] {
      try folder.write(
        "emnist/emnist-letters-\(part)-images-idx3-ubyte.gz",
        TestArchives.gzip(TestArchives.idx([2, 3, 4], pixels)))
      try folder.write("emnist/emnist-letters-\(part)-labels-idx1-ubyte", TestArchives.idx([2], [1, 26]))
    }
    let dataset = try ImageDataset.named("emnist-letters", root: folder.root)
    #expect(dataset.name == "emnist-letters")
    #expect(dataset.train.images.shape == [2, 1, 4, 3])
    #expect(
      Array(try dataset.test.images.array(of: UInt8.self).prefix(12)) == [
        0, 4, 8, 1, 5, 9, 2, 6, 10, 3, 7, 11,
      ])
    #expect(dataset.train.labels == [0, 25])
    #expect(dataset.classNames.first == "A")
    #expect(dataset.classNames.count == 26)
    try folder.write("emnist/emnist-letters-test-labels-idx1-ubyte", TestArchives.idx([2], [1, 0]))
    let error = #expect(throws: FileError.self) { try ImageDataset.emnist(.letters, folder.root) }
    #expect(error?.message == "the label 0; allowed are 1 to 26")
  }

  @Test("the splits of EMNIST have the classes of its paper")
  func emnistClasses() {
    let counts = ImageDataset.EMNISTSplit.allCases.map { ($0.rawValue, $0.classNames.count) }
    #expect(
      Dictionary(uniqueKeysWithValues: counts)
        == ["balanced": 47, "byclass": 62, "bymerge": 47, "digits": 10, "letters": 26, "mnist": 10])
    for split in ImageDataset.EMNISTSplit.allCases {
      #expect(Set(split.classNames).count == split.classNames.count)
    }
  }

  @Test(
    "MNIST's relatives lie in their folders, in either spelling of the files",
    arguments: ["fashion-mnist", "kmnist"])
  func relatives(name: String) throws {
    for (part, separator) in [("train", "-"), ("t10k", ".")] {
      try folder.write("\(name)/\(part)-images\(separator)idx3-ubyte", TestArchives.idx([2, 3, 4], pixels))
      try folder.write("\(name)/\(part)-labels\(separator)idx1-ubyte", TestArchives.idx([2], [9, 0]))
    }
    let dataset = try ImageDataset.named(name, root: folder.root)
    #expect(dataset.classNames.count == 10)
    #expect(dataset.test.labels == [9, 0])
  }

  @Test("damaged files never crash")
  func fuzz() throws {
    let images = TestArchives.idx([2, 3, 4], pixels)
    var errors = 0
    for bytes in FileMutations(of: images, count: 500) {
      do {
        let file = try IDXFile(bytes, rank: 3, file: "a")
        #expect(file.shape.reduce(1, *) == file.bytes.count)
      } catch is FileError {
        errors += 1
      }
    }
    #expect(errors > 200)
  }
}
