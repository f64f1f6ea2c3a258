import Torch

/// Rows of numbers with a class or a value each.
public struct LabeledTable {
  /// What is to be learned of each row.
  public enum Targets {
    /// Classes: an index into the names for each row.
    case classes([Int], names: [String])
    /// Values, float32 `[N]`.
    case values(Tensor)
  }

  /// The rows, float32 `[N, D]`.
  public let features: Tensor

  /// The columns' names, D of them.
  public let featureNames: [String]

  /// What belongs to each row.
  public let targets: Targets

  /// The number of rows.
  public var count: Int { features.shape[0] }

  /// Pairs rows with targets.
  ///
  /// - Throws: `FileError` (`mismatch`, `range`) unless features are float32 `[N, D]`, there is a name for each column
  ///   and a target for each row, and every class has a name.
  public init(features: Tensor, featureNames: [String], targets: Targets, source: String = "table") throws {
    guard features.dtype == .float32, features.shape.count == 2, features.shape[1] == featureNames.count
    else {
      throw FileError(
        .mismatch, source,
        "features are float32 [N, \(featureNames.count)], not \(features.dtype) \(features.shape)")
    }
    let count: Int
    switch targets {
    case .classes(let labels, let names):
      try labels.checkClasses(count: names.count, source: source)
      count = labels.count
    case .values(let values):
      guard values.dtype == .float32, values.shape.count == 1 else {
        throw FileError(.mismatch, source, "values are float32 [N], not \(values.dtype) \(values.shape)")
      }
      count = values.shape[0]
    }
    guard features.shape[0] == count else {
      throw FileError(.mismatch, source, "\(features.shape[0]) rows and \(count) targets")
    }
    self.features = features
    self.featureNames = featureNames
    self.targets = targets
  }
}

extension LabeledTable {
  /// The names of the classes in the order of their labels; nil where targets are values.
  public var classNames: [String]? {
    guard case .classes(_, let names) = targets else { return nil }
    return names
  }
}

/// A table for learning and for testing.
public struct TableDataset {
  /// The name by which recipes and reports call it.
  public let name: String

  /// The rows to learn from.
  public let train: LabeledTable

  /// The rows to score on.
  public let test: LabeledTable

  /// What a reader must know beside every number.
  public let note: String?

  /// A table of the given parts.
  public init(name: String, train: LabeledTable, test: LabeledTable, note: String? = nil) {
    self.name = name
    self.train = train
    self.test = test
    self.note = note
  }
}
