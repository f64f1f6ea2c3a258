import Foundation
import Perennial
import Torch

extension ImageDataset {
  /// MNIST: 60,000 and 10,000 grey images `[1, 28, 28]` of ten digits (LeCun, Cortes & Burges 1998).
  public static func mnist(_ root: DataRoot) throws -> ImageDataset {
    try idx("mnist", classNames: (0...9).map(String.init), root)
  }

  /// Fashion-MNIST: 60,000 and 10,000 grey images `[1, 28, 28]` of clothes (Xiao, Rasul & Vollgraf 2017).
  public static func fashionMNIST(_ root: DataRoot) throws -> ImageDataset {
    let names = [
      "T-shirt/top", "trouser", "pullover", "dress", "coat", "sandal", "shirt", "sneaker", "bag",
      "ankle boot",
    ]
    return try idx("fashion-mnist", classNames: names, root)
  }

  /// Kuzushiji-MNIST: 60,000 and 10,000 grey images `[1, 28, 28]` of cursive hiragana (Clanuwat et al. 2018).
  public static func kmnist(_ root: DataRoot) throws -> ImageDataset {
    try idx("kmnist", classNames: ["o", "ki", "su", "tsu", "na", "ha", "ma", "ya", "re", "wo"], root)
  }

  private static func idx(_ name: String, classNames: [String], _ root: DataRoot) throws -> ImageDataset {
    let folder = try root.folder(of: name)
    func part(_ prefix: String) throws -> LabeledImages {
      try LabeledImages.idx(
        images: folder.idxFile("\(prefix)-images-idx3-ubyte", of: name, root),
        labels: folder.idxFile("\(prefix)-labels-idx1-ubyte", of: name, root), classNames: classNames)
    }
    return ImageDataset(name: name, train: try part("train"), test: try part("t10k"))
  }
}

extension ImageDataset {
  /// A part of EMNIST, which has six.
  ///
  /// Cohen, Afshar, Tapson & van Schaik 2017, "EMNIST: an extension of MNIST to handwritten letters", table II.
  public enum EMNISTSplit: String, CaseIterable, Sendable {
    case balanced, byclass, bymerge, digits, letters, mnist

    /// The characters, in the order of the labels.
    public var classNames: [String] {
      let digits = "0123456789"
      let letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
      let characters =
        switch self {
        case .digits, .mnist: digits
        case .letters: letters
        case .byclass: digits + letters + letters.lowercased()
        // Lower-case letters that look like their capitals are merged with them.
        case .balanced, .bymerge: digits + letters + "abdefghnqrt"
        }
      return characters.map(String.init)
    }

    /// The smallest label in the files, which becomes class 0.
    var firstLabel: Int { self == .letters ? 1 : 0 }
  }

  /// EMNIST: grey images `[1, 28, 28]` of handwritten characters, turned upright.
  ///
  /// The files hold every image transposed, and count the classes of `letters` from 1; both are undone here.
  public static func emnist(_ split: EMNISTSplit, _ root: DataRoot) throws -> ImageDataset {
    let folder = try root.folder(of: "emnist")
    func part(_ name: String) throws -> LabeledImages {
      let prefix = "emnist-\(split.rawValue)-\(name)"
      return try LabeledImages.idx(
        images: folder.idxFile("\(prefix)-images-idx3-ubyte", of: "emnist", root),
        labels: folder.idxFile("\(prefix)-labels-idx1-ubyte", of: "emnist", root),
        classNames: split.classNames, firstLabel: split.firstLabel, transposed: true)
    }
    return ImageDataset(name: "emnist-\(split.rawValue)", train: try part("train"), test: try part("test"))
  }
}

extension LabeledImages {
  /// Grey images and their labels from a pair of IDX files, compressed or not.
  ///
  /// - Parameters:
  ///   - firstLabel: the label in the file that becomes class 0.
  ///   - transposed: whether the file holds the images column by column.
  /// - Throws: `FileError` for a damaged file, two files of different lengths, or a label beyond `classNames`.
  public static func idx(
    images: URL, labels: URL, classNames: [String], firstLabel: Int = 0, transposed: Bool = false
  ) throws -> LabeledImages {
    let pixels = try IDXFile(images, rank: 3)
    let classes = try IDXFile(labels, rank: 1)
    guard pixels.shape[0] == classes.shape[0] else {
      throw FileError(
        .mismatch, labels.path,
        "\(classes.shape[0]) labels for the \(pixels.shape[0]) images in \(images.lastPathComponent)")
    }
    guard !pixels.bytes.isEmpty else {
      throw FileError(.empty, images.path, "no pixels: the sizes are \(pixels.shape)")
    }
    let last = firstLabel + classNames.count - 1
    if let index = classes.bytes.firstIndex(where: { !(firstLabel...last).contains(Int($0)) }) {
      throw FileError(
        .range, labels.path, .record(index),
        "the label \(classes.bytes[index]); allowed are \(firstLabel) to \(last)")
    }
    let (height, width) = (pixels.shape[1], pixels.shape[2])
    let buffer = ImageBuffer(
      pixels: transposed ? pixels.bytes.transposingImages(height, width) : pixels.bytes,
      labels: classes.bytes.map { Int($0) - firstLabel }, channels: 1, height: transposed ? width : height,
      width: transposed ? height : width)
    return try buffer.labeled(classNames: classNames, source: images.path)
  }
}

extension [UInt8] {
  /// Images of `height` rows in a row, each with rows and columns exchanged.
  func transposingImages(_ height: Int, _ width: Int) -> [UInt8] {
    var result = [UInt8](repeating: 0, count: count)
    for start in stride(from: 0, to: count, by: height * width) {
      for row in 0..<height {
        for column in 0..<width { result[start + column * height + row] = self[start + row * width + column] }
      }
    }
    return result
  }
}

extension URL {
  /// The IDX file of that name in this folder, as it is or compressed.
  ///
  /// - Throws: `MissingDataError` where it is there in neither form.
  fileprivate func idxFile(_ name: String, of dataset: String, _ root: DataRoot) throws -> URL {
    // Some archives write a dot in front of the format's name.
    let names = [name, name.replacing("-idx", with: ".idx")].flatMap { ["\($0).gz", $0] }
    return try root.file(names, in: self, of: dataset)
  }
}
