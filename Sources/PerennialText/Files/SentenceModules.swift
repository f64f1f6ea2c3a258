import Foundation
import Torch

/// What `modules.json` and the folders that it names say of a sentence encoder, as `sentence-transformers` writes them.
struct SentenceModules {
  struct Module {
    enum Kind { case dense, normalize }

    let kind: Kind
    /// In the folder.
    let path: String
  }

  /// With the `Normalize` that comes right behind it.
  private(set) var pooling: SentencePooling
  /// What comes behind.
  private(set) var tail: [Module] = []

  /// The mean where the folder has no such file.
  ///
  /// - Throws: `FileError` for a module, a pooling or a combination that is not known here.
  init(_ folder: ModelFolder) throws {
    let file = folder.file("modules.json")
    guard FileManager.default.fileExists(atPath: file.path) else {
      pooling = SentencePooling()
      return
    }
    guard case .list(let modules) = try JSONValue(contentsOf: file) else {
      throw FileError(.corrupt, file.path, "a list of modules is needed")
    }
    var kind: SentencePooling.Kind?
    var isNormalized = false
    for (index, module) in modules.enumerated() {
      guard case .object(let fields) = module, case .text(let type)? = fields["type"],
        case .text(let path)? = fields["path"], !path.hasPrefix("/"), !path.contains("..")
      else {
        throw FileError(.corrupt, file.path, .record(index), "a module has a type and a path in the folder")
      }
      switch type.split(separator: ".").last {
      case "Transformer" where index == 0 && path.isEmpty: continue
      case "Pooling" where kind == nil: kind = try SentencePooling.kind(folder.file("\(path)/config.json"))
      case "Normalize" where kind != nil && tail.isEmpty: isNormalized = true
      case "Normalize" where kind != nil: tail.append(Module(kind: .normalize, path: path))
      case "Dense" where kind != nil: tail.append(Module(kind: .dense, path: path))
      default:
        throw FileError(
          .unsupported, file.path, .record(index),
          "the module \(type) at \"\(path)\"; known are a Transformer, Pooling, and then Normalize and Dense")
      }
    }
    guard let kind else { throw FileError(.unsupported, file.path, "there is no Pooling") }
    pooling = SentencePooling(kind, isNormalized: isNormalized)
  }
}

extension SentencePooling {
  /// What a folder of `sentence-transformers` says of it; the mean where it says nothing.
  ///
  /// - Throws: `FileError` for a module, a pooling or a combination that is not known here, and for layers behind it.
  public init(folder: ModelFolder) throws {
    let modules = try SentenceModules(folder)
    guard let first = modules.tail.first else {
      self = modules.pooling
      return
    }
    throw FileError(
      .unsupported, folder.file("modules.json").path,
      "has layers behind its pooling (\"\(first.path)\"): `perennial embed` computes them, and nothing learns them"
    )
  }

  static let modes: [String: Kind] = [
    "pooling_mode_cls_token": .first, "pooling_mode_mean_tokens": .mean, "pooling_mode_max_tokens": .max,
    "pooling_mode_lasttoken": .last,
  ]
  private static let names: [String: Kind] = ["cls": .first, "mean": .mean, "max": .max, "lasttoken": .last]

  fileprivate static func kind(_ file: URL) throws -> Kind {
    let reader = try ConfigurationReader(contentsOf: file)
    var kinds = try modes.filter { try reader.flag($0.key, default: false) }.map(\.value)
    if case .text(let name)? = reader.value("pooling_mode") {
      guard let kind = names[name] else {
        throw reader.fault(.unsupported, "pooling_mode", "is \(name); known are cls, mean, max, lasttoken")
      }
      kinds.append(kind)
    }
    try reader.require("pooling_mode_mean_sqrt_len_tokens", false)
    try reader.require("pooling_mode_weightedmean_tokens", false)
    try reader.finish(harmless: ["word_embedding_dimension", "embedding_dimension", "include_prompt"])
    guard kinds.count == 1, let kind = kinds.first else {
      throw FileError(.unsupported, file.path, "\(kinds.count) poolings are on; one is needed")
    }
    return kind
  }
}
