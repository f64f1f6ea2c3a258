import Foundation
import Testing
import Torch

@testable import PerennialVision

@Suite("Folders of pictures")
struct ImageFolderTests {
  private let folder: TestFolder

  init() throws { folder = try TestFolder() }

  /// Writes fixtures under new names.
  private func fill(_ files: [String: String]) throws {
    for (path, fixture) in files { try folder.write(path, Fixture.bytes("images/\(fixture)")) }
  }

  private func failure(size: ImageSize? = nil) -> FileError? {
    #expect(throws: FileError.self) { try ImageDataset.folder(folder.url, size: size) }
  }

  @Test("classes are sorted by name, files too, and the last fifth tests")
  func single() throws {
    try fill([
      "b/2.png": "grey.png", "b/1.PNG": "color.png", "b/3.jpeg": "grey.jpg", "Z/9.jpg": "color.jpg",
      "Z/1.png": "color.png",
    ])
    try folder.write("b/notes.txt", "no picture".utf8)
    try folder.write("b/.hidden.gif", [1])
    let dataset = try ImageDataset.folder(folder.url, name: "mine")
    #expect(dataset.name == "mine")
    #expect(dataset.classNames == ["Z", "b"])
    #expect(dataset.train.labels == [0, 1, 1])
    #expect(dataset.test.labels == [0, 1])
    #expect(dataset.train.images.shape == [3, 3, 24, 33])
    #expect(dataset.note?.contains("last fifth") == true)
    let color = try DecodedImage(Fixture.url("images/color.png")).planes(3)
    #expect(Array(try dataset.train.images.array(of: UInt8.self).prefix(color.count)) == color)
  }

  @Test("grey pictures alone stay grey")
  func grey() throws {
    try fill(["a/1.png": "grey.png", "a/2.png": "bits.png"])
    #expect(try ImageDataset.folder(folder.url).train.images.shape == [1, 1, 24, 33])
  }

  @Test("train, test and validation may have folders of their own")
  func parts() throws {
    try fill([
      "train/a/1.png": "color.png", "train/b/1.png": "color.png", "test/b/1.png": "color.png",
      "val/a/1.png": "color.png", "val/b/1.png": "color.png",
    ])
    let dataset = try ImageDataset.folder(folder.url)
    #expect(dataset.train.labels == [0, 1])
    #expect(dataset.test.labels == [1])
    #expect(dataset.validation?.labels == [0, 1])
    #expect(dataset.note == nil)
    try fill(["test/c/1.png": "color.png"])
    let stranger = failure()
    #expect(stranger?.kind == .mismatch)
    #expect(stranger?.message == "the class 'c', which training has not")
  }

  @Test("train and test must agree in size and channels")
  func disagreement() throws {
    try fill(["train/a/1.png": "color.png", "test/a/1.png": "grey.png"])
    #expect(failure()?.kind == .mismatch)
  }

  @Test("pictures of different sizes are named, or brought to one size")
  func sizes() throws {
    try fill(["a/1.png": "color.png", "a/2.png": "color.png"])
    let small = TestPictures.png(width: 2, height: 2)
    try folder.write("a/3.png", small)
    let error = failure()
    #expect(error?.kind == .mismatch)
    #expect(error?.file.hasSuffix("a/3.png") == true)
    #expect(error?.message.contains("2 × 2") == true)
    #expect(error?.message.contains("a/1.png has 33 × 24") == true)
    let dataset = try ImageDataset.folder(folder.url, size: ImageSize(height: 5, width: 6))
    #expect(dataset.train.images.shape == [2, 3, 5, 6])
    #expect(failure(size: ImageSize(0))?.kind == .range)
  }

  @Test("empty classes, other formats and damaged pictures are errors that name them")
  func faults() throws {
    #expect(failure()?.kind == .empty)
    try fill(["a/1.png": "color.png"])
    try FileManager.default.createDirectory(
      at: folder.url.appendingPathComponent("empty"), withIntermediateDirectories: true)
    let empty = failure()
    #expect(empty?.kind == .empty)
    #expect(empty?.file.hasSuffix("empty") == true)
    let other = try folder.write("empty/1.webp", [1])
    #expect(failure()?.kind == .unsupported)
    try FileManager.default.removeItem(at: other)
    try folder.write("empty/1.png", Fixture.bytes("images/color.png").prefix(300))
    let damaged = failure()
    #expect(damaged?.kind == .corrupt)
    #expect(damaged?.file.hasSuffix("empty/1.png") == true)
    let missing = #expect(throws: FileError.self) {
      try ImageDataset.folder(folder.url.appendingPathComponent("no"))
    }
    #expect(missing?.kind == .missing)
  }
}
