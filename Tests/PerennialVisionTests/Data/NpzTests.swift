import Foundation
import Testing
import Torch

@testable import PerennialVision

@Suite("npz data sets")
struct NpzTests {
  private let folder: TestFolder

  init() throws { folder = try TestFolder() }

  private func npy(_ type: String, _ shape: [Int], _ bytes: [UInt8]) -> [UInt8] {
    let tuple = shape.map { "\($0)," }.joined()
    let header = Array("{'descr': '\(type)', 'fortran_order': False, 'shape': (\(tuple)), }\n".utf8)
    return [0x93] + Array("NUMPY".utf8) + [1, 0, UInt8(header.count), 0] + header + bytes
  }

  private func npz(_ members: [(String, [UInt8])]) throws -> URL {
    try folder.write("set.npz", TestArchives.zip(members.map { (name: $0.0 + ".npy", content: $0.1) }))
  }

  private func floats(_ values: [Float]) -> [UInt8] { values.withUnsafeBytes { [UInt8]($0) } }

  @Test("Keras's names and grey images")
  func keras() throws {
    let dataset = try ImageDataset.npz(
      npz([
        ("x_train", npy("|u1", [2, 1, 2], [1, 2, 3, 4])), ("y_train", npy("|u1", [2], [2, 0])),
        ("x_test", npy("|u1", [1, 1, 2], [5, 6])), ("y_test", npy(">i2", [1], [0, 1])),
      ]))
    #expect(dataset.name == "set")
    #expect(dataset.train.images.shape == [2, 1, 1, 2])
    #expect(dataset.train.labels == [2, 0])
    #expect(dataset.test.labels == [1])
    #expect(dataset.classNames == ["0", "1", "2"])
    #expect(dataset.validation == nil)
  }

  @Test("MedMNIST's names, colour images and a validation set")
  func medical() throws {
    let pixels = npy("|u1", [1, 2, 2, 3], Array(0..<12))
    let planes = npy("|u1", [1, 3, 2, 2], [0, 3, 6, 9, 1, 4, 7, 10, 2, 5, 8, 11])
    let label = npy("<i8", [1, 1], [1, 0, 0, 0, 0, 0, 0, 0])
    let dataset = try ImageDataset.npz(
      npz([
        ("train_images", pixels), ("train_labels", label), ("val_images", planes), ("val_labels", label),
        ("test_images", pixels), ("test_labels", label),
      ]), classNames: ["ill", "well"])
    #expect(dataset.train.images.shape == [1, 3, 2, 2])
    #expect(
      try dataset.train.images.array(of: UInt8.self) == dataset.validation?.images.array(of: UInt8.self))
    #expect(dataset.test.labels == [1])
    #expect(dataset.classNames == ["ill", "well"])
  }

  @Test("arrays that do not fit are named")
  func faults() throws {
    func failure(_ images: [UInt8], _ labels: [UInt8]) throws -> FileError? {
      let file = try npz([("x_train", images), ("y_train", labels), ("x_test", images), ("y_test", labels)])
      return #expect(throws: FileError.self) { try ImageDataset.npz(file, classNames: ["a", "b"]) }
    }
    let image = npy("|u1", [1, 1, 2], [1, 2])
    let label = npy("|u1", [1], [0])
    #expect(try failure(image, npy("|u1", [1], [2]))?.kind == .range)
    #expect(try failure(image, npy("|i1", [1], [0xff]))?.message.contains("the label -1") == true)
    #expect(try failure(image, npy("|u1", [2], [0, 0]))?.kind == .mismatch)
    #expect(try failure(image, npy("|u1", [1, 2], [0, 0]))?.kind == .mismatch)
    #expect(try failure(image, npy("<f4", [1], floats([0])))?.kind == .mismatch)
    #expect(try failure(npy("<f4", [1, 1, 1], floats([0])), label)?.kind == .mismatch)
    #expect(try failure(npy("|u1", [1, 2, 2, 2], Array(0..<8)), label)?.kind == .mismatch)
    #expect(try failure(npy("|u1", [1, 0, 0, 3], []), label)?.kind == .empty)
    let missing = #expect(throws: FileError.self) { try ImageDataset.npz(npz([("x", image)])) }
    #expect(missing?.kind == .missing)
    let huge = npy("<i8", [1], [0, 0, 0, 0, 0, 0, 0, 0x7f])
    let file = try npz([("x_train", image), ("y_train", huge), ("x_test", image), ("y_test", label)])
    let error = #expect(throws: FileError.self) { try ImageDataset.npz(file) }
    #expect(error?.kind == .range)
  }

  @Test("tables: integer targets are classes, float ones values")
  func tables() throws {
    let rows = npy("<f4", [2, 3], floats([1, 2, 3, 4, 5, 6]))
    let classes = try LabeledTable.npz(npz([("x", rows), ("y", npy("|u1", [2], [1, 0]))]))
    #expect(classes.features.shape == [2, 3])
    guard case .classes([1, 0], ["0", "1"]) = classes.targets else {
      Issue.record("classes are expected, not \(classes.targets)")
      return
    }
    let file = try npz([("a", rows), ("b", npy("<f4", [2], floats([0.5, -1])))])
    guard case .values(let values) = try LabeledTable.npz(file, features: "a", targets: "b").targets else {
      Issue.record("values are expected")
      return
    }
    #expect(try values.array(of: Float.self) == [0.5, -1])
    let error = #expect(throws: FileError.self) { try LabeledTable.npz(file) }
    #expect(error?.message == "no array 'x'; there are a, b")
    let short = try npz([("x", rows), ("y", npy("|u1", [1], [1]))])
    #expect(throws: FileError.self) { try LabeledTable.npz(short) }
  }
}

extension [Int] {
  fileprivate static func ~= (pattern: [Int], value: [Int]) -> Bool { pattern == value }
}

extension [String] {
  fileprivate static func ~= (pattern: [String], value: [String]) -> Bool { pattern == value }
}
