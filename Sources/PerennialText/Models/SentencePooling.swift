import Foundation
import Torch

/// How the vectors of a text's tokens become one.
public struct SentencePooling: Equatable, Sendable {
  /// Which vectors count.
  public enum Kind: String, Sendable, CaseIterable, Codable {
    /// The mean over tokens.
    case mean
    /// The first token's.
    case first
    /// The last token's, for models that read from left to right.
    case last
    /// The largest value of each feature.
    case max
  }

  /// Which vectors count.
  public var kind: Kind
  /// Whether the result has length 1.
  public var isNormalized: Bool

  public init(_ kind: Kind = .mean, isNormalized: Bool = false) {
    self.kind = kind
    self.isNormalized = isNormalized
  }

  /// Vectors `[N, L, D]` → `[N, D]`; places where the mask bool `[N, L]` is false do not count.
  public func callAsFunction(_ hidden: Tensor, mask: Tensor?) throws -> Tensor {
    let pooled = try pool(hidden, mask)
    guard isNormalized else { return pooled }
    return try pooled / pooled.norm([1], keepDims: true).clamp(min: 1e-12)
  }

  private func pool(_ hidden: Tensor, _ mask: Tensor?) throws -> Tensor {
    guard let mask else {
      switch kind {
      case .mean: return try hidden.mean([1])
      case .first: return try hidden.select(0, dim: 1)
      case .last: return try hidden.select(-1, dim: 1)
      case .max: return try hidden.amax([1])
      }
    }
    let weights = try mask.to(hidden.dtype)
    switch kind {
    case .mean:
      let sums = try weights.unsqueeze(1).matmul(hidden).squeeze(1)
      return try sums / weights.sum([1], keepDims: true).clamp(min: 1e-9)
    case .max:
      return try hidden.maskedFill(mask.logicalNot().unsqueeze(2), AttentionPattern.unseen).amax([1])
    case .first: return try pick(hidden, weights.argmax(1))
    case .last:
      // The first of equal maxima is taken, so count from the end.
      return try pick(hidden, (weights.shape[1] - 1) - weights.flip([1]).argmax(1))
    }
  }

  private func pick(_ hidden: Tensor, _ place: Tensor) throws -> Tensor {
    let (n, width) = (hidden.shape[0], hidden.shape[2])
    return try hidden.gather(place.reshape([n, 1, 1]).expand([n, 1, width]), dim: 1).squeeze(1)
  }
}

extension SentencePooling {
  /// What `modules.json` and the folders that it names say, as `sentence-transformers` writes them.
  ///
  /// - Throws: `FileError` for a module, a pooling or a combination that is not known here.
  public init(folder: ModelFolder) throws {
    let file = folder.file("modules.json")
    guard case .list(let modules) = try JSONValue(contentsOf: file) else {
      throw FileError(.corrupt, file.path, "a list of modules is needed")
    }
    var kind: Kind?
    var isNormalized = false
    for (index, module) in modules.enumerated() {
      guard case .object(let fields) = module, case .text(let type)? = fields["type"],
        case .text(let path)? = fields["path"], !path.hasPrefix("/"), !path.contains("..")
      else {
        throw FileError(.corrupt, file.path, .record(index), "a module has a type and a path in the folder")
      }
      switch type.split(separator: ".").last {
      case "Transformer" where index == 0 && path.isEmpty: continue
      case "Pooling" where kind == nil && !isNormalized:
        kind = try Self.kind(folder.file("\(path)/config.json"))
      case "Normalize" where kind != nil: isNormalized = true
      default:
        throw FileError(
          .unsupported, file.path, .record(index),
          "the module \(type) at \"\(path)\"; known are a Transformer, Pooling, and Normalize, in this order")
      }
    }
    guard let kind else { throw FileError(.unsupported, file.path, "there is no Pooling") }
    self.init(kind, isNormalized: isNormalized)
  }

  static let modes: [String: Kind] = [
    "pooling_mode_cls_token": .first, "pooling_mode_mean_tokens": .mean, "pooling_mode_max_tokens": .max,
    "pooling_mode_lasttoken": .last,
  ]
  private static let names: [String: Kind] = ["cls": .first, "mean": .mean, "max": .max, "lasttoken": .last]

  private static func kind(_ file: URL) throws -> Kind {
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
