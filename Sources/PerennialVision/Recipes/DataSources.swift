import Foundation
import Perennial
import Torch

/// The data sets that a recipe can name, read into memory once.
final class DataSources {
  let root: DataRoot
  private var newest: [(choice: String, source: DataSource)] = []

  init(root: DataRoot) { self.root = root }

  /// The data set that a recipe names; the two asked for last are at hand, a student's and its teacher's.
  ///
  /// - Throws: `ConfigurationError` for an unknown name or a wrong option; what reading the files throws.
  func source(_ selection: Selection) throws -> DataSource {
    let choice = try selection.node.yaml()
    if let known = newest.first(where: { $0.choice == choice }) { return known.source }
    newest = Array(newest.suffix(1))
    newest.append((choice, try read(selection)))
    return newest[newest.count - 1].source
  }

  private func read(_ selection: Selection) throws -> DataSource {
    if let name = ImageDataset.names.first(where: selection.isNamed) {
      let options = try selection.decode(ImageDataOptions.self)
      return try ImageDataset.named(name, root: root)
        .source(normalize: options.normalize, pad: options.pad, limit: options.limit)
    }
    let readers: KeyValuePairs<String, (Selection) throws -> DataSource> = [
      "folder": folder, "npz": npz, "csv": csv, "elec2": elec2,
      "noaa-weather": weather, "fsdd": spokenDigits,
    ]
    if let reader = readers.first(where: { selection.isNamed($0.key) })?.value {
      return try reader(selection)
    }
    throw selection.node.notAmong(ImageDataset.names + readers.map(\.key), selection.name, kind: "data set")
  }

  private func folder(_ selection: Selection) throws -> DataSource {
    let options = try selection.decode(FolderOptions.self)
    return try ImageDataset.folder(url(options.path), size: options.size.map(ImageSize.init))
      .source(normalize: options.normalize)
  }

  private func npz(_ selection: Selection) throws -> DataSource {
    let options = try selection.decode(NpzOptions.self)
    return try ImageDataset.npz(url(options.path)).source(normalize: options.normalize)
  }

  private func csv(_ selection: Selection) throws -> DataSource {
    let options = try selection.decode(TableOptions.self)
    var columns = CSVOptions()
    columns.hasHeader = options.header
    if let label = options.label { columns.label = Int(label).map { .at($0) } ?? .named(label) }
    columns.task = options.regression ? .regression : .classification
    let cut: TableDataset.Cut = options.regression ? .last : .lastOfEachClass
    return try table(TableDataset.csv(url(options.path), options: columns, cut: cut))
  }

  private func elec2(_ selection: Selection) throws -> DataSource {
    let options = try selection.decode(ElectricityOptions.self)
    let file = try root.file(["elec.csv"], in: root.folder(of: "elec2"), of: "elec2")
    let forecast: String? =
      switch options.target {
      case .class: nil
      case .price: "nswprice"
      case .demand: "nswdemand"
      }
    return try .inOrderOfTime(
      LabeledTable.csv(file), name: "elec2", forecast: forecast, testEvery: options.testEvery)
  }

  private func weather(_ selection: Selection) throws -> DataSource {
    let options = try selection.decode(WeatherOptions.self)
    let name = "noaa-weather"
    let file = try root.file(["weather.csv"], in: root.folder(of: name), of: name)
    return try .inOrderOfTime(
      LabeledTable.csv(file), name: name, forecast: options.target == .temperature ? "feat_1" : nil,
      testEvery: options.testEvery)
  }

  private func spokenDigits(_ selection: Selection) throws -> DataSource {
    let options = try selection.decode(SpokenDigitOptions.self)
    let folder = try root.folder(of: "fsdd").appendingPathComponent("recordings", isDirectory: true)
    do {
      return try .spokenDigits(
        in: folder, testSpeaker: options.testSpeaker,
        spectrogram: LogMelSpectrogram(bands: options.bands, frames: options.frames))
    } catch let error as UnknownSpeakerError {
      throw selection.options.error(at: "test_speaker", "\(error)")
    }
  }

  /// A path below the data root, unless it is absolute.
  func url(_ path: String) -> URL {
    path.hasPrefix("/") ? URL(fileURLWithPath: path) : root.url.appendingPathComponent(path)
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
    let deviation = try set.train.features.standardDeviation([0], correction: 0, keepDims: true).clamp(
      min: 1e-6)
    func scaled(_ table: LabeledTable) throws -> Examples {
      let rows = try examples(table)
      return try Examples(
        inputs: (rows.inputs - mean) / deviation, targets: rows.targets, identifiers: rows.identifiers)
    }
    return DataSource(
      name: set.name, train: try scaled(set.train), test: try scaled(set.test), pipeline: try InputPipeline(),
      note: set.note, classNames: set.train.classNames)
  }
}
