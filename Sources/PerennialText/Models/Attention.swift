import Perennial
import Torch

/// What attention may look at: an additive bias `[N or 1, heads or 1, L, S]`, or everything before.
package struct AttentionPattern {
  var bias: Tensor?
  var isCausal = false

  /// Added to the score of what must not be seen. It is finite, so that a row which may see nothing (padding) gives
  /// numbers.
  package static let unseen = -1e30

  /// 0 where `allowed`, else so little that nothing is left of it.
  static func bias(_ allowed: Tensor) throws -> Tensor {
    try Tensor.zeros(allowed.shape, device: allowed.device).maskedFill(allowed.logicalNot(), unseen)
  }

  /// The same with another bias on top, which may learn: `[N or 1, heads, L, S]`.
  func adding(_ learned: Tensor) throws -> AttentionPattern {
    AttentionPattern(bias: try bias.map { try learned + $0 } ?? learned, isCausal: isCausal)
  }

  /// The same without the flag, for all blocks to share.
  func expanded(_ queries: Int, _ keys: Int, _ device: Device) throws -> AttentionPattern {
    AttentionPattern(bias: try whole(queries, keys, device: device))
  }

  /// The bias, causality included, for L queries that are the last of S keys.
  func whole(_ queries: Int, _ keys: Int, device: Device) throws -> Tensor? {
    guard isCausal, queries > 1 else { return bias }
    let past = try Tensor.ones([queries, keys], dtype: .bool, device: device).lowerTriangle(keys - queries)
    let causal = try Self.bias(past)
    return try bias.map { try $0 + causal } ?? causal
  }
}

/// Scaled dot-product attention with dropout of probabilities and a tap on them (Vaswani et al. 2017).
///
/// libtorch's fused kernel does the work, unless probabilities are dropped or somebody listens to them.
package final class AttentionCore: Module {
  /// Hears the probabilities `[N, heads, L, S]`, before dropout.
  let probabilities: Tap
  /// Hears the scores that they are the softmax of, 0 for what must not be seen.
  let scores: Tap
  /// Hears the values `[N, groups, S, d]`.
  let values: Tap
  private let dropout: Dropout
  /// What scores are multiplied by.
  package let scale: Double

  init(_ name: String, scale: Double, dropout: Dropout) {
    probabilities = Tap(name)
    scores = Tap("\(name).scores")
    values = Tap("\(name).values")
    self.dropout = dropout
    self.scale = scale
    super.init()
    register("dropout", dropout)
  }

  var taps: [Tap] { [probabilities, scores, values] }

  /// Queries `[N, heads, L, d]`, keys and values `[N, groups, S, d]` → `[N, L, heads · d]`.
  ///
  /// Each group of keys serves heads / groups neighbouring heads (Ainslie et al. 2023).
  func callAsFunction(_ queries: Tensor, _ keys: Tensor, _ values: Tensor, _ pattern: AttentionPattern) throws
    -> Tensor
  {
    let (n, heads, length, size) = (queries.shape[0], queries.shape[1], queries.shape[2], queries.shape[3])
    let groups = keys.shape[1]
    _ = self.values(values)
    let isPlain =
      !probabilities.isHeard && !scores.isHeard && !(dropout.isTraining && dropout.probability > 0)
    if isPlain, groups < heads, length == 1, pattern.bias.map({ $0.shape[1] == 1 }) ?? true {
      // One query a head: the heads of a group can stand where queries stand.
      let folded = try queries.reshape([n, groups, heads / groups, size])
      return try folded.attention(keys: keys, values: values, mask: pattern.bias, scale: scale)
        .reshape([n, 1, heads * size])
    }
    let keys = try groups < heads ? repeated(keys, heads) : keys
    let values = try groups < heads ? repeated(values, heads) : values
    let mixed: Tensor
    if isPlain {
      let isSquare = length == keys.shape[2]
      let bias =
        pattern.isCausal && (pattern.bias != nil || !isSquare)
        ? try pattern.whole(length, keys.shape[2], device: queries.device) : pattern.bias
      mixed = try queries.attention(
        keys: keys, values: values, mask: bias, causal: pattern.isCausal && bias == nil && length > 1,
        scale: scale)
    } else {
      var all = try queries.matmul(keys.T) * scale
      if let bias = try pattern.whole(length, keys.shape[2], device: queries.device) {
        if scores.isHeard { _ = scores(try all.maskedFill(bias .< AttentionPattern.unseen / 2, 0)) }
        all = try all + bias
      } else {
        all = scores(all)
      }
      mixed = try dropout(probabilities(all.softmax())).matmul(values)
    }
    return try mixed.transpose(1, 2).reshape([n, length, heads * size])
  }

  private func repeated(_ x: Tensor, _ heads: Int) throws -> Tensor {
    let (n, groups, length, size) = (x.shape[0], x.shape[1], x.shape[2], x.shape[3])
    return try x.unsqueeze(2).expand([n, groups, heads / groups, length, size])
      .reshape([n, heads, length, size])
  }
}

extension Tensor {
  /// `[N, L, heads · d]` → `[N, heads, L, d]`
  func splitHeads(_ heads: Int) throws -> Tensor {
    let (n, length, width) = (shape[0], shape[1], shape[2])
    return try view([n, length, heads, width / Swift.max(heads, 1)]).transpose(1, 2)
  }
}
