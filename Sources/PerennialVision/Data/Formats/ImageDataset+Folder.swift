import Foundation
import Torch

extension ImageDataset {
  /// PNG and JPEG files in one folder a class.
  ///
  /// Where the folder holds `train` and `test` (and perhaps `val` or `validation`), these hold the classes; otherwise
  /// it holds the classes itself, and the last fifth of each class's files, sorted by name, tests. Classes are sorted
  /// by name; `test` and `val` may lack classes, and may not have others than `train`.
  ///
  /// - Parameter size: brings all images to one size; without it they must have one.
  /// - Throws: `FileError` for a class without images, images of different sizes, a damaged image, a picture in a
  ///   format other than PNG and JPEG, or test classes that training lacks.
  public static func folder(_ url: URL, name: String? = nil, size: ImageSize? = nil) throws -> ImageDataset {
    let name = name ?? url.lastPathComponent
    let parts = try url.visibleFolders()
    guard let train = parts.first(where: { $0.lastPathComponent == "train" }),
      let test = parts.first(where: { $0.lastPathComponent == "test" })
    else {
      let (classNames, buffer) = try ImageFolder(url).read(size: size)
      let split = HeldOut.lastOfEachClass(buffer.labels)
      return ImageDataset(
        name: name,
        train: try buffer.selecting(split.train).labeled(classNames: classNames, source: url.path),
        test: try buffer.selecting(split.test).labeled(classNames: classNames, source: url.path),
        note:
          "\(url.lastPathComponent) has no folders 'train' and 'test': the last fifth of each class tests.")
    }
    let (classNames, training) = try ImageFolder(train).read(size: size)
    func part(_ folder: URL) throws -> LabeledImages {
      let (_, buffer) = try ImageFolder(folder, classNames: classNames).read(size: size)
      guard
        (buffer.channels, buffer.height, buffer.width) == (training.channels, training.height, training.width)
      else {
        throw FileError(
          .mismatch, folder.path,
          "images of \([buffer.channels, buffer.height, buffer.width]), while those of \(train.path) are "
            + "\([training.channels, training.height, training.width]) (channels, height, width)")
      }
      return try buffer.labeled(classNames: classNames, source: folder.path)
    }
    let validation = parts.first { ["val", "valid", "validation"].contains($0.lastPathComponent) }
    return ImageDataset(
      name: name, train: try training.labeled(classNames: classNames, source: train.path),
      test: try part(test),
      validation: try validation.map(part))
  }
}

/// A folder of class folders.
struct ImageFolder {
  private static let readable: Set = ["png", "jpg", "jpeg"]
  private static let otherPictures: Set = ["gif", "bmp", "tif", "tiff", "webp", "heic", "ppm", "pgm", "avif"]

  let url: URL
  let classNames: [String]
  private let isPart: Bool

  /// - Parameter classNames: the classes that are allowed; nil takes those of the folder, sorted.
  init(_ url: URL, classNames: [String]? = nil) throws {
    self.url = url
    isPart = classNames != nil
    let found = try url.visibleFolders().map(\.lastPathComponent)
    guard !found.isEmpty else { throw FileError(.empty, url.path, "no class folders") }
    if let classNames, let stranger = found.first(where: { !classNames.contains($0) }) {
      throw FileError(.mismatch, url.path, "the class '\(stranger)', which training has not")
    }
    self.classNames = classNames ?? found
  }

  func read(size: ImageSize?) throws -> (classNames: [String], images: ImageBuffer) {
    var collector = try ImageCollector(size: size)
    for (label, name) in classNames.enumerated() {
      let folder = url.appendingPathComponent(name)
      if isPart, !FileManager.default.fileExists(atPath: folder.path) { continue }
      for file in try pictures(in: folder) {
        try collector.append(Data(file: file), file: file.path, label: label)
      }
    }
    return (classNames, collector.buffer())
  }

  private func pictures(in folder: URL) throws -> [URL] {
    let files = try folder.visibleContents()
    if let other = files.first(where: { ImageFolder.otherPictures.contains($0.pathExtension.lowercased()) }) {
      throw FileError(
        .unsupported, other.path, "a picture that is neither PNG nor JPEG; convert or remove it")
    }
    let pictures = files.filter { ImageFolder.readable.contains($0.pathExtension.lowercased()) }
    guard !pictures.isEmpty else { throw FileError(.empty, folder.path, "a class without PNG or JPEG files") }
    return pictures
  }
}

extension URL {
  /// What the folder holds, hidden files aside, sorted by name as bytes: the same order on every machine.
  ///
  /// - Throws: `FileError` (`missing`, `unreadable`).
  func visibleContents() throws -> [URL] {
    guard FileManager.default.fileExists(atPath: path) else {
      throw FileError(.missing, path, "no such folder")
    }
    do {
      return try FileManager.default.contentsOfDirectory(
        at: self, includingPropertiesForKeys: [.isDirectoryKey]
      )
      .filter { !$0.lastPathComponent.hasPrefix(".") }
      .sorted { $0.lastPathComponent.utf8.lexicographicallyPrecedes($1.lastPathComponent.utf8) }
    } catch {
      throw FileError(.unreadable, path, "cannot be listed: \(error.localizedDescription)")
    }
  }

  /// The folders among `visibleContents()`.
  func visibleFolders() throws -> [URL] {
    try visibleContents().filter { (try? $0.resourceValues(forKeys: [.isDirectoryKey]))?.isDirectory == true }
  }
}
