import Foundation
import Perennial
import Torch

/// Writes a model in another format, with a card, and says how well it does there.
public struct Exporter {
  /// What is written.
  public enum Format: String, Sendable, CaseIterable {
    /// `model.onnx`, which onnxruntime and others run.
    case onnx
    /// `model.safetensors` and `config.json`, which PyTorch code loads.
    case safetensors
  }

  /// How weights and activations become numbers of 8 bits.
  public enum Quantization: String, Sendable, CaseIterable {
    /// Weights in advance, activations by their range in each batch.
    case int8
    /// Weights and activations, by ranges that calibration data showed.
    case int8Static = "int8-static"
  }

  /// What was written, and what it answers.
  public struct Report {
    /// The model's file.
    public let file: URL
    /// The bytes of all files of the model, and of its weights before.
    public let bytes: Int
    public let weightBytes: Int
    /// Of the graph as it was before it was quantised, where it was asked for.
    public let check: ExportComparison?
    /// Of the quantised graph.
    public let quantized: ExportComparison?
  }

  /// The largest difference that passes a check, as a share of the largest output where that is above 1.
  public static let tolerance = 1e-4
  /// The name of the graph's file.
  public static let graphName = "model.onnx"
  /// The name of the card, where Hugging Face looks for it.
  public static let cardName = "README.md"

  /// What is written, and whether with 8 bits.
  public var format = Format.onnx
  public var quantization: Quantization?
  /// Whether the written file is read again and compared with the model.
  public var checks = false
  /// Larger constants than this, in bytes, go to a file beside the graph.
  public var limit = Graph.largestFile

  public init() {}

  /// Writes `subject` into a folder, which is made where there is none.
  ///
  /// - Throws: ``ExportError`` for what cannot be exported or does not agree with the model; `AtomicFileError` and
  ///   `CocoaError` when the disk refuses.
  public func write(_ subject: ExportSubject, to folder: URL) throws -> Report {
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    var card = subject.card
    let report: Report
    switch format {
    case .safetensors:
      guard quantization == nil else {
        throw ExportError.values("weights of 8 bits are written as ONNX alone")
      }
      try subject.writeFolder(folder)
      let file = folder.appendingPathComponent("model.safetensors")
      report = Report(
        file: file, bytes: size(of: file), weightBytes: subject.graph.constantBytes, check: nil,
        quantized: nil)
    case .onnx: report = try writeGraph(subject, to: folder, &card)
    }
    card.add(report, format: format, quantization, subject.graph)
    try AtomicFile.write(Data(card.markdown.utf8), to: folder.appendingPathComponent(Self.cardName))
    return report
  }

  private func writeGraph(_ subject: ExportSubject, to folder: URL, _ card: inout ModelCard) throws -> Report
  {
    let graph = try quantized(subject)
    let file = folder.appendingPathComponent(Self.graphName)
    let trial = subject.test.isEmpty ? subject.calibration : subject.test
    var check: ExportComparison?
    if checks {
      guard let first = trial.first else { throw ExportError.data("there is nothing to check the model on") }
      check = try checked(subject, first)
    }
    try graph.write(to: file, limit: limit)
    var comparison: ExportComparison?
    if quantization != nil, !trial.isEmpty {
      comparison = try ExportComparison(subject, Graph(contentsOf: file), on: trial)
    }
    return Report(
      file: file, bytes: size(of: file) + size(of: file.appendingPathExtension("data")),
      weightBytes: subject.graph.constantBytes, check: check, quantized: comparison)
  }

  private func quantized(_ subject: ExportSubject) throws -> Graph {
    switch quantization {
    case nil: return subject.graph
    case .int8: return try subject.graph.quantizedDynamically()
    case .int8Static:
      guard !subject.calibration.isEmpty else {
        throw ExportError.data("\(Quantization.int8Static.rawValue) needs data for calibration")
      }
      let ranges = try subject.graph.calibrated(on: subject.calibration.lazy.map(\.inputs))
      return try subject.graph.quantizedStatically(ranges)
    }
  }

  /// Writes the graph as it is to a file of its own, reads it again and compares.
  private func checked(_ subject: ExportSubject, _ batch: ExportSubject.Batch) throws -> ExportComparison {
    let folder = FileManager.default.temporaryDirectory.appendingPathComponent(UUID().uuidString)
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    let file = folder.appendingPathComponent(Self.graphName)
    try subject.graph.write(to: file, limit: limit)
    let comparison = try ExportComparison(subject, Graph(contentsOf: file), on: [batch])
    guard comparison.largestDifference <= Self.tolerance else {
      throw ExportError.values(
        "the graph differs from the model by \(comparison.largestDifference); \(Self.tolerance) is allowed")
    }
    return comparison
  }

  private func size(of file: URL) -> Int {
    let attributes = try? FileManager.default.attributesOfItem(atPath: file.path)
    return (attributes?[.size] as? NSNumber)?.intValue ?? 0
  }
}
