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
    return isNormalized ? try pooled.unitRows() : pooled
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
