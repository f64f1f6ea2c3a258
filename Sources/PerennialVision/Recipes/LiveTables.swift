import Foundation
import Perennial
import Torch

/// Options of `table`: rows of numbers that arrive over time.
struct LiveTableOptions: Configurable {
  /// How many numbers a row has, beside its label.
  var columns = 0
  /// The names of the columns that are no numbers; `id` and `time` may be missing.
  var label = "label"
  var id = "id"
  var time = "time"
  /// Of each column, to bring all to one scale; as they are when nil.
  var mean: [Double]?
  var deviation: [Double]?

  func validate(at node: ConfigurationNode) throws {
    try node.require("columns", columns, atLeast: 1)
    for (key, values) in [("mean", mean), ("deviation", deviation)] {
      guard values.map({ $0.count == columns }) ?? true else {
        throw node.error(at: key, "must list \(columns) numbers, one a column")
      }
    }
    guard deviation?.allSatisfy({ $0 > 0 }) ?? true else {
      throw node.error(at: "deviation", "must be above 0")
    }
  }
}

/// Rows of numbers that arrive over time: kept as text, separated by commas.
struct LiveTables: LiveVisionInputs {
  static let name = "table"
  private let options: LiveTableOptions
  let modality: VisionModality
  let pipeline: InputPipeline

  init(_ recipe: Recipe, _ modality: VisionModality) throws {
    options = try recipe.stream.data.decode(LiveTableOptions.self)
    self.modality = modality
    pipeline = try InputPipeline()
  }

  var shape: [Int] { [options.columns] }

  /// CSV with a header: the label, perhaps `id` and `time`, and numbers in the order of the columns.
  func read(_ url: URL) throws -> InputRecords {
    let table = try CSVTable(url)
    let header = table.header ?? []
    guard let label = header.firstIndex(of: options.label) else {
      throw FileError(
        .missing, url.path, "no column '\(options.label)'; there are \(header.joined(separator: ", "))")
    }
    let (id, time) = (header.firstIndex(of: options.id), header.firstIndex(of: options.time))
    let features = header.indices.filter { $0 != label && $0 != id && $0 != time }
    guard features.count == options.columns else {
      throw FileError(
        .mismatch, url.path, "\(features.count) columns of numbers; the model takes \(options.columns)")
    }
    var records = InputRecords()
    for (index, row) in table.rows.enumerated() {
      let origin = "\(url.relativePath), row \(index + 1)"
      do {
        guard !row[label].isEmpty else { throw FileError(.empty, origin, "the label is empty") }
        records.inputs.append(
          LabeledInput(
            payload: try payload(features.map { row[$0] }.joined(separator: ",")), label: row[label],
            identifier: id.map { row[$0] }, time: time.map { row[$0] }, origin: origin))
      } catch let error as FileError {
        records.rejected.append("\(origin): \(error.message)")
      }
    }
    return records
  }

  /// Numbers separated by commas.
  func payload(_ text: String) throws -> Data {
    let cells = text.split(separator: ",", omittingEmptySubsequences: false)
      .map { $0.trimmingCharacters(in: .whitespaces) }
    guard cells.count == options.columns else {
      throw FileError(.mismatch, "the input", "\(cells.count) numbers; the model takes \(options.columns)")
    }
    for cell in cells where Float(cell)?.isFinite != true {
      throw FileError(.range, "the input", "'\(cell)' is no finite number")
    }
    return Data(cells.joined(separator: ",").utf8)
  }

  func rows(_ payloads: [Data]) throws -> Tensor {
    let cells = try payloads.flatMap { payload in
      let numbers = String(decoding: payload, as: UTF8.self).split(separator: ",").compactMap { Float($0) }
      guard numbers.count == options.columns else {
        throw FileError(
          .corrupt, "a stored row", "\(numbers.count) numbers; the model takes \(options.columns)")
      }
      return numbers
    }
    let rows = try Tensor(cells, shape: [payloads.count] + shape)
    guard options.mean != nil || options.deviation != nil else { return rows }
    let mean = try Tensor((options.mean ?? [Double](repeating: 0, count: options.columns)).map(Float.init))
    let deviation = try Tensor(
      (options.deviation ?? [Double](repeating: 1, count: options.columns)).map(Float.init))
    return try noGrad { try (rows - mean) / deviation }
  }
}
