import Foundation
import Torch

extension ImageDataset {
  /// Images and labels from an `.npz` archive: `x_train`, `y_train`, `x_test`, `y_test` as Keras writes them, or
  /// `train_images`, `train_labels`, `val_images`, … as MedMNIST does.
  ///
  /// Images are uint8 `[N, H, W]`, `[N, H, W, C]` or `[N, C, H, W]` with 1 or 3 channels; labels integers `[N]` or
  /// `[N, 1]` from 0. Classes are named by their numbers unless `classNames` names them.
  ///
  /// - Throws: `FileError` that names the array which is missing or does not fit.
  public static func npz(_ url: URL, name: String? = nil, classNames: [String]? = nil) throws -> ImageDataset
  {
    let archive = try NpzArchive(url)
    func arrays(_ part: String, _ short: String) throws -> (images: NpyArray, labels: [Int])? {
      let pairs = [("\(part)_images", "\(part)_labels"), ("x_\(short)", "y_\(short)")]
      guard let (images, labels) = pairs.first(where: { archive.names.contains($0.0) }) else { return nil }
      return (try archive.array(images), try archive.array(labels).integers(file: "\(url.path)/\(labels)"))
    }
    guard let train = try arrays("train", "train"), let test = try arrays("test", "test") else {
      throw FileError(
        .missing, url.path,
        "neither x_train, y_train, x_test, y_test nor train_images, train_labels, test_images, test_labels; there are "
          + archive.names.joined(separator: ", "))
    }
    let last = max(0, train.labels.max() ?? 0, test.labels.max() ?? 0)
    guard last < 1 << 20 else {
      throw FileError(.range, url.path, "the label \(last); allowed are up to 1,048,575")
    }
    let names = classNames ?? (0...last).map(String.init)
    func part(_ pair: (images: NpyArray, labels: [Int])) throws -> LabeledImages {
      try pair.images.imageBuffer(labels: pair.labels, file: url.path).labeled(
        classNames: names, source: url.path)
    }
    return ImageDataset(
      name: name ?? url.deletingPathExtension().lastPathComponent, train: try part(train),
      test: try part(test),
      validation: try arrays("val", "val").map(part))
  }
}

extension NpyArray {
  /// Labels `[N]` or `[N, 1]`.
  ///
  /// - Throws: `FileError` (`mismatch`) for other shapes, or elements that are no integers.
  func integers(file: String) throws -> [Int] {
    guard shape.count == 1 || (shape.count == 2 && shape[1] == 1) else {
      throw FileError(.mismatch, file, "labels have the shape [N] or [N, 1], not \(shape)")
    }
    return try bytes.withUnsafeBytes { bytes in
      let size = dtype.byteCount
      return try (0..<shape[0]).map { index in
        switch dtype {
        case .uint8: Int(bytes[index])
        case .int8: Int(Int8(bitPattern: bytes[index]))
        case .int16: Int(bytes.loadUnaligned(fromByteOffset: index * size, as: Int16.self))
        case .int32: Int(bytes.loadUnaligned(fromByteOffset: index * size, as: Int32.self))
        case .int64: Int(bytes.loadUnaligned(fromByteOffset: index * size, as: Int64.self))
        default: throw FileError(.mismatch, file, "labels are integers, not \(dtype)")
        }
      }
    }
  }

  /// Images with their channels in front.
  func imageBuffer(labels: [Int], file: String) throws -> ImageBuffer {
    let isChannels: (Int) -> Bool = { $0 == 1 || $0 == 3 }
    guard !bytes.isEmpty else { throw FileError(.empty, file, "no pixels: the shape is \(shape)") }
    guard dtype == .uint8 else { throw FileError(.mismatch, file, "images are uint8, not \(dtype)") }
    if shape.count == 3 {
      return ImageBuffer(pixels: bytes, labels: labels, channels: 1, height: shape[1], width: shape[2])
    }
    guard shape.count == 4, isChannels(shape[1]) || isChannels(shape[3]) else {
      throw FileError(
        .mismatch, file,
        "images of shape \(shape); allowed are [N, H, W], [N, H, W, C] and [N, C, H, W], C 1 or 3")
    }
    if isChannels(shape[3]) {
      var buffer = ImageBuffer(labels: labels, channels: shape[3], height: shape[1], width: shape[2])
      buffer.pixels.reserveCapacity(bytes.count)
      for start in stride(from: 0, to: bytes.count, by: buffer.imageSize) {
        for channel in 0..<buffer.channels {
          for index in stride(from: channel, to: buffer.imageSize, by: buffer.channels) {
            buffer.pixels.append(bytes[start + index])
          }
        }
      }
      return buffer
    }
    return ImageBuffer(pixels: bytes, labels: labels, channels: shape[1], height: shape[2], width: shape[3])
  }
}
