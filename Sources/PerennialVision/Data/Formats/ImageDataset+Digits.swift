import Foundation
import Torch

extension ImageDataset {
  /// The digits that come with Perennial: 1,797 grey images `[1, 8, 8]`, the test half of the UCI set "Optical
  /// Recognition of Handwritten Digits" (Alpaydin & Kaynak 1998, CC BY 4.0).
  ///
  /// The set has no split of its own here. The last fifth of each class in the file's order tests (359 images), the
  /// rest trains (1,438); see `HeldOut`. Pixels of 0 to 16 are spread over 0 to 255: round(value × 255 / 16).
  public static func digits() throws -> ImageDataset {
    guard let url = Bundle.module.url(forResource: "digits.csv", withExtension: "gz") else {
      throw FileError(
        .missing, "digits.csv.gz", "the file that comes with Perennial is not beside the program")
    }
    let table = try CSVTable(url)
    var buffer = ImageBuffer(channels: 1, height: 8, width: 8)
    for (index, row) in table.rows.enumerated() {
      let numbers = row.compactMap { UInt8($0) }
      guard numbers.count == 65, let label = numbers.last, numbers.dropLast().allSatisfy({ $0 <= 16 }) else {
        throw FileError(
          .corrupt, url.path, .row(index + 1, column: nil), "not 64 pixels of 0 to 16 and a label")
      }
      buffer.pixels.append(contentsOf: numbers.dropLast().map { UInt8((Int($0) * 255 + 8) / 16) })
      buffer.labels.append(Int(label))
    }
    let split = HeldOut.lastOfEachClass(buffer.labels)
    let names = (0...9).map(String.init)
    return ImageDataset(
      name: "digits", train: try buffer.selecting(split.train).labeled(classNames: names, source: url.path),
      test: try buffer.selecting(split.test).labeled(classNames: names, source: url.path))
  }
}
