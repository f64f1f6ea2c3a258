import Foundation
import Perennial
import Torch

extension ImageDataset {
  /// CIFAR-10: 50,000 and 10,000 colour images `[3, 32, 32]` of ten classes (Krizhevsky 2009), binary version.
  ///
  /// Where `test_batch.bin` is missing, batches 1 to 4 train and batch 5 tests, and `note` says so.
  public static func cifar10(_ root: DataRoot) throws -> ImageDataset {
    let folder = try root.folder(of: "cifar10")
    let names = [
      "airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck",
    ]
    let format = CIFARFormat(labelBytes: 1, labelIndex: 0, classNames: names)
    let official = FileManager.default.fileExists(
      atPath: folder.appendingPathComponent("test_batch.bin").path)
    func read(_ files: [String]) throws -> LabeledImages {
      try format.read(files.map { try root.file([$0], in: folder, of: "cifar10") })
    }
    return ImageDataset(
      name: "cifar10",
      train: try read((1...(official ? 5 : 4)).map { "data_batch_\($0).bin" }),
      test: try read([official ? "test_batch.bin" : "data_batch_5.bin"]),
      note: official
        ? nil
        : "The official test batch is not there: trained on batches 1 to 4 (40,000 images), tested on batch 5 "
          + "(10,000). These numbers are not comparable with published ones.")
  }

  /// Which of CIFAR-100's two labels counts.
  public enum CIFAR100Labels: String, CaseIterable, Sendable {
    /// 100 classes.
    case fine
    /// The 20 groups of five classes each.
    case coarse
  }

  /// CIFAR-100: 50,000 and 10,000 colour images `[3, 32, 32]` (Krizhevsky 2009), binary version.
  public static func cifar100(_ labels: CIFAR100Labels = .fine, _ root: DataRoot) throws -> ImageDataset {
    let folder = try root.folder(of: "cifar100")
    let format = CIFARFormat(
      labelBytes: 2, labelIndex: labels == .coarse ? 0 : 1,
      classNames: labels == .coarse ? CIFARFormat.coarseNames : CIFARFormat.fineNames)
    return ImageDataset(
      name: labels == .fine ? "cifar100" : "cifar100-coarse",
      train: try format.read([root.file(["train.bin"], in: folder, of: "cifar100")]),
      test: try format.read([root.file(["test.bin"], in: folder, of: "cifar100")]))
  }
}

/// Records of one or two labels and an image's red, green and blue planes.
struct CIFARFormat {
  static let imageSize = 3 * 32 * 32

  let labelBytes: Int
  let labelIndex: Int
  let classNames: [String]

  /// The records of some files, in order.
  ///
  /// - Throws: `FileError` for a file that is no whole number of records, or a label out of range, with its record.
  func read(_ files: [URL]) throws -> LabeledImages {
    var buffer = ImageBuffer(channels: 3, height: 32, width: 32)
    let contents = try files.map { try Data(file: $0) }
    buffer.pixels.reserveCapacity(contents.reduce(0) { $0 + $1.count })
    for (file, content) in zip(files, contents) { try append(content, file: file.path, to: &buffer) }
    return try buffer.labeled(classNames: classNames, source: files.map(\.path).joined(separator: ", "))
  }

  private func append(_ content: Data, file: String, to buffer: inout ImageBuffer) throws {
    let size = labelBytes + CIFARFormat.imageSize
    guard !content.isEmpty else { throw FileError(.empty, file, "no records") }
    guard content.count % size == 0 else {
      throw FileError(
        .truncated, file, .byte(content.count - content.count % size),
        "\(content.count) bytes are no whole number of records of \(size) bytes")
    }
    try content.withUnsafeBytes { bytes in
      for (record, start) in stride(from: 0, to: bytes.count, by: size).enumerated() {
        let label = Int(bytes[start + labelIndex])
        guard label < classNames.count else {
          throw FileError(
            .range, file, .record(record), "the label \(label); allowed are 0 to \(classNames.count - 1)")
        }
        buffer.labels.append(label)
        buffer.pixels.append(contentsOf: bytes[start + labelBytes..<start + size])
      }
    }
  }
}
