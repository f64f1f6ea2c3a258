import Torch

/// Images held in memory as bytes, one label each.
public struct LabeledImages {
  /// The pixels, uint8 `[N, C, H, W]`.
  public let images: Tensor

  /// The class of each image, an index into `classNames`.
  public let labels: [Int]

  /// The classes' names, in the order of their labels.
  public let classNames: [String]

  /// The number of images.
  public var count: Int { labels.count }

  /// The number of channels, height and width of every image.
  public var imageShape: [Int] { Array(images.shape.dropFirst()) }

  /// Pairs images with labels.
  ///
  /// - Parameter source: names the origin in errors.
  /// - Throws: `FileError` (`mismatch`, `range`) unless the images are uint8 `[N, C, H, W]`, there are N labels, and
  ///   each is the index of a class.
  public init(images: Tensor, labels: [Int], classNames: [String], source: String = "images") throws {
    guard images.dtype == .uint8, images.shape.count == 4 else {
      throw FileError(.mismatch, source, "images are uint8 [N, C, H, W], not \(images.dtype) \(images.shape)")
    }
    guard images.shape[0] == labels.count else {
      throw FileError(.mismatch, source, "\(images.shape[0]) images and \(labels.count) labels")
    }
    try labels.checkClasses(count: classNames.count, source: source)
    self.images = images
    self.labels = labels
    self.classNames = classNames
  }

  /// The labels as int64 `[N]`.
  public func labelTensor() throws -> Tensor { try Tensor(labels) }
}

extension [Int] {
  /// - Throws: `FileError` (`range`) that names the first label which is no index of `count` classes.
  func checkClasses(count: Int, source: String) throws {
    if let index = firstIndex(where: { !(0..<count).contains($0) }) {
      throw FileError(
        .range, source, .record(index), "the label \(self[index]); allowed are 0 to \(count - 1)")
    }
  }
}
