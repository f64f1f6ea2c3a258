import Foundation
import Testing
import Torch

@testable import Perennial
@testable import PerennialVision

/// Whether the data root of the environment holds a set.
private func hasData(_ folder: String) -> Bool {
  guard let root = ProcessInfo.processInfo.environment["PERENNIAL_DATA"] else { return false }
  return FileManager.default.fileExists(atPath: "\(root)/\(folder)")
}

/// Compares whole sets with what NumPy, Pillow and scikit-learn read; see Scripts/golden/data.py.
@Suite("Real data")
struct RealDataTests {
  private struct Part: Decodable, Equatable {
    let shape: [Int]
    let pixels: String
    let labels: String
    let counts: [Int]

    init(_ images: LabeledImages) throws {
      let pixels = try images.images.array(of: UInt8.self)
      shape = images.images.shape
      self.pixels = try Checksum.sha256(pixels)
      labels = try images.labels.withUnsafeBytes { try Checksum.sha256([UInt8]($0)) }
      counts = (0..<images.classNames.count).map { label in images.labels.count { $0 == label } }
    }
  }

  private func check(_ dataset: ImageDataset) throws {
    let golden = try JSONDecoder().decode(
      [String: [String: Part]].self, from: Data(contentsOf: Fixture.url("golden-data.json")))
    let expected = try #require(golden[dataset.name])
    #expect(try Part(dataset.train) == expected["train"])
    #expect(try Part(dataset.test) == expected["test"])
  }

  @Test("the embedded digits are scikit-learn's")
  func digits() throws { try check(ImageDataset.digits()) }

  @Test("MNIST", .enabled(if: hasData("mnist"), "set PERENNIAL_DATA to a folder with mnist"))
  func mnist() throws { try check(ImageDataset.named("mnist", root: DataRoot())) }

  @Test(
    "CIFAR-10 without its test batch",
    .enabled(
      if: hasData("cifar-10-batches-bin") && !hasData("cifar-10-batches-bin/test_batch.bin"),
      "set PERENNIAL_DATA to a folder with cifar-10-batches-bin, the official test batch aside"))
  func cifar10() throws {
    let dataset = try ImageDataset.named("cifar10", root: DataRoot())
    #expect(dataset.note?.contains("batch 5") == true)
    try check(dataset)
  }

  @Test(
    "Omniglot's small sets",
    .enabled(
      if: hasData("omniglot/python/images_background_small1.zip")
        && !hasData("omniglot/python/images_background.zip"),
      "set PERENNIAL_DATA to a folder with omniglot's two small sets"))
  func omniglot() throws {
    try check(ImageDataset.omniglot(DataRoot(), size: nil))
  }

  @Test(
    "tables of the UCI", .enabled(if: hasData("uci-letter"), "set PERENNIAL_DATA to a folder with uci-letter")
  )
  func letters() throws {
    let file = DataRoot().url.appendingPathComponent("uci-letter/letter-recognition.data")
    var options = CSVOptions()
    options.label = "Letter"
    let dataset = try TableDataset.csv(file, options: options)
    #expect(dataset.train.count + dataset.test.count == 20_000)
    #expect(dataset.train.features.shape[1] == 16)
    guard case .classes(_, let names) = dataset.test.targets else {
      Issue.record("letters are classes")
      return
    }
    #expect(names == "ABCDEFGHIJKLMNOPQRSTUVWXYZ".map(String.init))
  }

  @Test(
    "the catalogue's checksums are those of the files",
    .enabled(if: hasData("mnist"), "set PERENNIAL_DATA to a folder with mnist"))
  func verify() throws {
    let checks = try DatasetCatalog.verify("mnist", in: DataRoot())
    #expect(checks.map(\.outcome) == [.intact, .intact, .intact, .intact])
    let mnist = try #require(DatasetCatalog.dataset("mnist"))
    for file in mnist.files {
      let url = DataRoot().url.appendingPathComponent("mnist/\(file.name)")
      #expect(try Checksum.md5(url) == file.md5)
      #expect(try Data(contentsOf: url).count == file.size)
    }
    if hasData("cifar-10-batches-bin"), !hasData("cifar-10-batches-bin/test_batch.bin") {
      let outcomes = try DatasetCatalog.verify("cifar10", in: DataRoot()).map(\.outcome)
      #expect(outcomes == [.intact, .intact, .intact, .intact, .intact, .missing])
    }
  }
}
