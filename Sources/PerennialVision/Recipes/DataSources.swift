import Foundation
import Perennial
import Torch

/// The data sets that a recipe can name, read into memory.
struct DataSources {
  let root: DataRoot

  /// - Throws: `ConfigurationError` for an unknown name or a wrong option; what reading the files throws.
  func source(_ selection: Selection) throws -> DataSource {
    if let name = ImageDataset.names.first(where: selection.isNamed) {
      let options = try selection.decode(ImageDataOptions.self)
      return try images(ImageDataset.named(name, root: root), options)
    }
    let readers: KeyValuePairs<String, () throws -> DataSource> = [
      "folder": {
          let options = try selection.decode(FolderOptions.self)
          let set = try ImageDataset.folder(url(options.path), size: options.size.map(ImageSize.init))
          return try images(set, normalize: options.normalize)
        },
        "npz": {
          let options = try selection.decode(NpzOptions.self)
          return try images(ImageDataset.npz(url(options.path)), normalize: options.normalize)
        },
        "csv": {
          let options = try selection.decode(TableOptions.self)
          var columns = CSVOptions()
          columns.hasHeader = options.header
          if let label = options.label { columns.label = Int(label).map { .at($0) } ?? .named(label) }
          columns.task = options.regression ? .regression : .classification
          return try table(
            TableDataset.csv(url(options.path), options: columns, cut: options.regression ? .last : .lastOfEachClass))
        },
    ]
    if let read = readers.first(where: { selection.isNamed($0.key) })?.value { return try read() }
    throw selection.node.notAmong(ImageDataset.names + readers.map(\.key), selection.name, kind: "data set")
  }

  private func url(_ path: String) -> URL {
    path.hasPrefix("/") ? URL(fileURLWithPath: path) : root.url.appendingPathComponent(path)
  }

  private func images(_ set: ImageDataset, normalize: Bool) throws -> DataSource {
    var options = ImageDataOptions()
    options.normalize = normalize
    return try images(set, options)
  }

  private func images(_ set: ImageDataset, _ options: ImageDataOptions) throws -> DataSource {
    var train = try examples(set.train)
    var test = try examples(set.test)
    if let limit = options.limit { train = try train.first(limit) }
    if let side = options.pad {
      let padding = ZeroPadding(height: side, width: side)
      train = try Examples(inputs: padding(train.inputs), targets: train.targets, identifiers: train.identifiers)
      test = try Examples(inputs: padding(test.inputs), targets: test.targets, identifiers: test.identifiers)
    }
    let channels = train.inputs.shape[1]
    let statistics =
      options.normalize
      ? try channelStatistics(train.inputs)
      : ([Double](repeating: 0, count: channels), [Double](repeating: 1, count: channels))
    return DataSource(
      name: set.name, train: train, test: test,
      pipeline: try InputPipeline(mean: statistics.0, standardDeviation: statistics.1), note: set.note)
  }

  private func examples(_ images: LabeledImages) throws -> Examples {
    try Examples(inputs: images.images, targets: images.labelTensor())
  }

  /// Mean and deviation of each channel for pixels in [0, 1], from counts of the 256 values.
  private func channelStatistics(_ images: Tensor) throws -> ([Double], [Double]) {
    var (means, deviations): ([Double], [Double]) = ([], [])
    for channel in 0..<images.shape[1] {
      let counts = try images.select(channel, dim: 1).contiguous().view([-1]).to(.int64).bincount(minimum: 256)
      let weights = try counts.integers().map(Double.init)
      let total = weights.reduce(0, +)
      let mean = weights.enumerated().reduce(0) { $0 + Double($1.offset) / 255 * $1.element } / total
      let square = weights.enumerated().reduce(0) { $0 + pow(Double($1.offset) / 255 - mean, 2) * $1.element } / total
      means.append(mean)
      deviations.append(max(square.squareRoot(), 1e-6))
    }
    return (means, deviations)
  }

  private func table(_ set: TableDataset) throws -> DataSource {
    func examples(_ table: LabeledTable) throws -> Examples {
      switch table.targets {
      case .classes(let labels, _): try Examples(inputs: table.features, targets: Tensor(labels))
      case .values(let values): try Examples(inputs: table.features, targets: values)
      }
    }
    // Columns are put on one scale by the training rows.
    let mean = try set.train.features.mean([0], keepDims: true)
    let deviation = try set.train.features.standardDeviation([0], correction: 0, keepDims: true).clamp(min: 1e-6)
    func scaled(_ table: LabeledTable) throws -> Examples {
      let rows = try examples(table)
      return try Examples(
        inputs: (rows.inputs - mean) / deviation, targets: rows.targets, identifiers: rows.identifiers)
    }
    return DataSource(
      name: set.name, train: try scaled(set.train), test: try scaled(set.test), pipeline: try InputPipeline(),
      note: set.note)
  }
}

extension Examples {
  /// The first `limit` examples of each class.
  func first(_ limit: Int) throws -> Examples {
    var counts: [Int: Int] = [:]
    let places = try targets.integers().enumerated().filter { _, label in
      counts[label, default: 0] += 1
      return counts[label, default: 0] <= limit
    }
    return try select(places.map(\.offset))
  }
}
