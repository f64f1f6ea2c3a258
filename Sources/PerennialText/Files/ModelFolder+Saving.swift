import Foundation
import Perennial
import Torch

extension ModelFolder {
  /// The type of the numbers in a file.
  public enum Precision: String, Sendable, CaseIterable {
    case float32, bfloat16, float16

    var dtype: DType {
      switch self {
      case .float32: .float32
      case .bfloat16: .bfloat16
      case .float16: .float16
      }
    }
  }

  /// Writes a model: `config.json`, and its weights without those that are tied to others.
  ///
  /// Everything goes to a new folder beside this one, which then takes its place; other files that are here already (a
  /// tokenizer's) come along. Whatever fails, what was here stays as it was.
  /// - Parameters:
  ///   - precision: Halves round to nearest.
  ///   - shardBytes: Weights that take more are written as several files.
  /// - Throws: `AtomicFileError`, `CocoaError` when the disk refuses.
  public func save<Model: PublishedModel>(
    _ model: Model, precision: Precision = .float32, shardBytes: Int = 5_000_000_000
  ) throws {
    var fields = model.configuration.fields
    fields["dtype"] = .text(precision.rawValue)
    fields["torch_dtype"] = .text(precision.rawValue)
    let state = try Model.names(model.configuration).stored(model.stateDictionary())
    let tensors = try state.mapValues { try $0.to(precision.dtype) }
    try replace { folder in
      try WeightFiles.write(tensors, to: folder, shardBytes: shardBytes) { try AtomicFile.write($0, to: $1) }
      let data = JSONValue.object(fields).data()
      try AtomicFile.write(data, to: folder.appendingPathComponent("config.json"))
    }
  }

  /// Lets `fill` write a new folder, and puts it in this one's place.
  private func replace(_ fill: (URL) throws -> Void) throws {
    let manager = FileManager.default
    let parent = url.standardizedFileURL.deletingLastPathComponent()
    let tag = String(UInt64.random(in: .min ... .max), radix: 36)
    let fresh = parent.appendingPathComponent(".\(url.lastPathComponent).\(tag).new")
    let old = parent.appendingPathComponent(".\(url.lastPathComponent).\(tag).old")
    try manager.createDirectory(at: fresh, withIntermediateDirectories: true)
    do {
      try fill(fresh)
      for name in try keptFiles() {
        try manager.copyItem(at: file(name), to: fresh.appendingPathComponent(name))
      }
      guard manager.fileExists(atPath: url.path) else { return try manager.moveItem(at: fresh, to: url) }
      try manager.moveItem(at: url, to: old)
      do {
        try manager.moveItem(at: fresh, to: url)
      } catch {
        try? manager.moveItem(at: old, to: url)
        throw error
      }
      try? manager.removeItem(at: old)
    } catch {
      try? manager.removeItem(at: fresh)
      throw error
    }
  }

  /// What is in the folder and not a model's.
  private func keptFiles() throws -> [String] {
    guard FileManager.default.fileExists(atPath: url.path) else { return [] }
    return try FileManager.default.contentsOfDirectory(atPath: url.path).filter {
      $0 != "config.json" && $0 != WeightFiles.index
        && !($0.hasPrefix("model") && $0.hasSuffix(".safetensors"))
    }
  }
}
