import Foundation
import Perennial
import Torch

extension ImageDataset {
  /// Omniglot: handwritten characters of many alphabets, 20 drawings each (Lake, Salakhutdinov & Tenenbaum 2015).
  ///
  /// Reads `images_background` and `images_evaluation`, or the small sets `images_background_small1` and `_small2`
  /// where those are missing; each as the zip archive or the folder that it unpacks to. A class is a character, named
  /// `Alphabet/character01`, so that classes sort by alphabet; a character that is in both small sets counts once.
  /// Of each character the drawings of 15 people train and those of people 16 to 20 test: 75 % and 25 %. Ink is
  /// bright on black, as in MNIST.
  ///
  /// - Parameter size: the images' size; nil keeps the original 105 × 105.
  public static func omniglot(_ root: DataRoot, size: ImageSize? = ImageSize(28)) throws -> ImageDataset {
    let folder = try root.folder(of: "omniglot")
    let home = folder.appendingPathComponent("python")
    let base = FileManager.default.fileExists(atPath: home.path) ? home : folder
    var sources = ["images_background", "images_evaluation"].compactMap { OmniglotSource($0, in: base) }
    if sources.isEmpty {
      sources = ["images_background_small1", "images_background_small2"].compactMap {
        OmniglotSource($0, in: base)
      }
    }
    guard !sources.isEmpty else {
      throw MissingDataError(
        dataset: "omniglot", wanted: ["images_background.zip", "images_background_small1.zip"], folder: base,
        root: root)
    }
    var drawings: [String: Drawing] = [:]
    for source in sources {
      // Greek and Latin are in both small sets, drawing by drawing the same.
      for drawing in try source.drawings() { drawings[drawing.key] = drawing }
    }
    let sorted = drawings.values.sorted { $0.key.utf8.lexicographicallyPrecedes($1.key.utf8) }
    var classNames: [String] = []
    for drawing in sorted where classNames.last != drawing.character { classNames.append(drawing.character) }
    let labels = Dictionary(uniqueKeysWithValues: classNames.enumerated().map { ($1, $0) })
    func part(_ people: ClosedRange<Int>, _ what: String) throws -> LabeledImages {
      var collector = try ImageCollector(size: size)
      for drawing in sorted where people.contains(drawing.person) {
        guard let label = labels[drawing.character] else { continue }
        try collector.append(drawing.read(), file: drawing.file, label: label)
      }
      var buffer = collector.buffer()
      guard !buffer.labels.isEmpty else { throw FileError(.empty, base.path, "no drawings for \(what)") }
      for index in buffer.pixels.indices { buffer.pixels[index] = 255 - buffer.pixels[index] }
      return try buffer.labeled(classNames: classNames, source: base.path)
    }
    return ImageDataset(
      name: "omniglot", train: try part(1...15, "training"), test: try part(16...99, "testing"))
  }
}

/// One drawing of a character by one person.
private struct Drawing {
  let character: String
  /// The number after the underscore in `0394_07.png`.
  let person: Int
  let file: String
  let read: () throws -> Data

  var key: String { "\(character)/\(person < 10 ? "0" : "")\(person)" }

  /// - Parameter path: `…/Alphabet/character01/0394_07.png`; anything else is no drawing.
  init?(path: String, file: String, read: @escaping () throws -> Data) {
    let parts = path.split(separator: "/")
    guard parts.count >= 3, let name = parts.last, name.hasSuffix(".png"), !name.hasPrefix("."),
      let person = Int(name.dropLast(4).split(separator: "_").last ?? "")
    else { return nil }
    character = parts.dropLast().suffix(2).joined(separator: "/")
    self.person = person
    self.file = file
    self.read = read
  }
}

/// A part of Omniglot, packed or unpacked.
private enum OmniglotSource {
  case archive(URL)
  case folder(URL)

  init?(_ name: String, in base: URL) {
    let folder = base.appendingPathComponent(name)
    let archive = base.appendingPathComponent("\(name).zip")
    if FileManager.default.fileExists(atPath: folder.path) {
      self = .folder(folder)
    } else if FileManager.default.fileExists(atPath: archive.path) {
      self = .archive(archive)
    } else {
      return nil
    }
  }

  func drawings() throws -> [Drawing] {
    switch self {
    case .archive(let url):
      let archive = try ZipArchive(url)
      return archive.entries.compactMap { entry in
        Drawing(path: entry.name, file: "\(url.path)/\(entry.name)") { Data(try archive.content(of: entry)) }
      }
    case .folder(let url):
      return try url.visibleFolders().flatMap { try $0.visibleFolders() }.flatMap { try $0.visibleContents() }
        .compactMap { file in Drawing(path: file.path, file: file.path) { try Data(file: file) } }
    }
  }
}
