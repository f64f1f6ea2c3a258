import Foundation
import Torch

extension LabeledTable {
  /// Numbers and labels from two arrays of an `.npz` archive.
  ///
  /// Features are numbers `[N, D]` of any type. Integer targets `[N]` from 0 are classes, float ones values.
  ///
  /// - Throws: `FileError` that names the array which is missing or does not fit.
  public static func npz(_ url: URL, features: String = "x", targets: String = "y") throws -> LabeledTable {
    let archive = try NpzArchive(url)
    let rows = try archive.array(features)
    guard rows.shape.count == 2 else {
      throw FileError(
        .mismatch, "\(url.path)/\(features)", "features have the shape [N, D], not \(rows.shape)")
    }
    let goals = try archive.array(targets)
    let name = "\(url.path)/\(targets)"
    let labels: Targets
    if goals.dtype.isFloatingPoint {
      guard goals.shape.count == 1 else {
        throw FileError(.mismatch, name, "values have the shape [N], not \(goals.shape)")
      }
      labels = .values(try goals.tensor().to(.float32))
    } else {
      let classes = try goals.integers(file: name)
      let last = classes.max() ?? 0
      guard last < 1 << 20 else {
        throw FileError(.range, name, "the label \(last); allowed are up to 1,048,575")
      }
      labels = .classes(classes, names: (0...max(0, last)).map(String.init))
    }
    return try LabeledTable(
      features: rows.tensor().to(.float32), featureNames: (0..<rows.shape[1]).map(String.init),
      targets: labels,
      source: url.path)
  }
}
