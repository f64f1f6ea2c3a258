import PerennialText
import Torch

/// The texts of a graph: ids int64 `[N, L]`, and which of the last S places hold a token, int64 `[N, S]`.
///
/// S is L, or more where keys and values of earlier tokens come along.
public struct TokenValues {
  /// int64 `[N, L]`
  public let ids: GraphValue
  /// 1 where a token is, 0 at padding, int64 `[N, S]`.
  public let mask: GraphValue
}

extension GraphBuilder {
  /// The tokens before each in its row, int64 `[N, S]`: places that do not count padding.
  func places(_ tokens: TokenValues) throws -> GraphValue {
    node("CumSum", tokens.mask, try integer(1), attributes: ["exclusive": .integer(1)])
  }

  /// The places of the L new tokens, int64 `[N, L]`.
  func newPlaces(_ tokens: TokenValues) throws -> GraphValue {
    let (first, end) = try newTokens(tokens)
    return node(
      "Slice", try places(tokens), try unsqueeze(first, [0]), try unsqueeze(end, [0]), try integers([1]))
  }

  /// The columns of the new tokens: S − L and S, int64 `[]`.
  private func newTokens(_ tokens: TokenValues) throws -> (first: GraphValue, end: GraphValue) {
    let end = try size(tokens.mask, 1)
    return (subtract(end, try size(tokens.ids, 1)), end)
  }

  /// The columns of the L new tokens, int64 `[L]`, and of all, int64 `[S]`.
  func columns(_ tokens: TokenValues) throws -> (new: GraphValue, all: GraphValue) {
    let (first, end) = try newTokens(tokens)
    return (node("Range", first, end, try integer(1)), node("Range", try integer(0), end, try integer(1)))
  }

  /// 0 where a key may be looked at, else so little that nothing is left of it: `[N, 1, 1, S]`, or `[N, 1, L, S]` where
  /// no place sees those after it.
  func attentionBias(_ tokens: TokenValues, isCausal: Bool) throws -> GraphValue {
    var allowed = try unsqueeze(cast(tokens.mask, to: .bool), [1, 2])
    if isCausal {
      let (asking, keys) = try columns(tokens)
      allowed = node(
        "And", allowed, node("LessOrEqual", try unsqueeze(keys, [0]), try unsqueeze(asking, [1])))
    }
    return node("Where", allowed, try scalar(0), try scalar(AttentionPattern.unseen))
  }

  /// `[N, L, heads · d]` → `[N, heads, L, d]`
  func splitHeads(_ x: GraphValue, _ heads: Int, width: Int) throws -> GraphValue {
    transpose(try reshape(x, [0, 0, heads, width]), [0, 2, 1, 3])
  }

  /// Scaled dot-product attention: queries `[N, heads, L, d]`, keys and values `[N, groups, S, d]` → `[N, L, heads · d]`.
  ///
  /// - Parameter bias: `[N or 1, heads or 1, L or 1, S]`; with one head where groups are fewer than heads.
  func attention(
    _ core: AttentionCore, _ queries: GraphValue, _ keys: GraphValue, _ values: GraphValue, bias: GraphValue,
    heads: Int, groups: Int, width: Int
  ) throws -> GraphValue {
    try within(core) {
      var (queries, keys, values, bias) = (queries, keys, values, bias)
      let isGrouped = groups < heads
      if isGrouped {
        queries = try reshape(queries, [0, groups, heads / groups, -1, width])
        keys = try unsqueeze(keys, [2])
        values = try unsqueeze(values, [2])
        bias = try unsqueeze(bias, [1])
      }
      let scores = matmul(
        try scale(queries, by: core.scale), transpose(keys, isGrouped ? [0, 1, 2, 4, 3] : [0, 1, 3, 2]))
      let shares = node("Softmax", add(scores, bias), attributes: ["axis": .integer(-1)])
      var mixed = matmul(shares, values)
      if isGrouped { mixed = try reshape(mixed, [0, heads, -1, width]) }
      return try reshape(transpose(mixed, [0, 2, 1, 3]), [0, 0, heads * width])
    }
  }

  /// One vector a text of vectors `[N, L, D]`.
  func pooled(_ hidden: GraphValue, _ tokens: TokenValues, _ pooling: SentencePooling) throws -> GraphValue {
    let mask = cast(tokens.mask, to: .float32)
    var pooled: GraphValue
    switch pooling.kind {
    case .max:
      let gaps = node(
        "Where", cast(tokens.mask, to: .bool), try scalar(0), try scalar(AttentionPattern.unseen))
      pooled = node(
        "ReduceMax", add(hidden, try unsqueeze(gaps, [2])),
        attributes: ["axes": .integers([1]), "keepdims": .integer(0)])
    case .mean:
      let count = node("Clip", try sum(mask, axis: 1, keepDims: true), try scalar(1e-9), nil)
      pooled = divide(try weighted(hidden, mask), count)
    case .first:
      let isFirst = node("Equal", try places(tokens), try integer(0))
      pooled = try weighted(hidden, multiply(mask, cast(isFirst, to: .float32)))
    case .last:
      let last = subtract(try sum(tokens.mask, axis: 1, keepDims: true), try integer(1))
      let isLast = node("Equal", try places(tokens), last)
      pooled = try weighted(hidden, multiply(mask, cast(isLast, to: .float32)))
    }
    return pooling.isNormalized ? try unitRows(pooled) : pooled
  }

  /// Sums of vectors `[N, L, D]` with weights `[N, L]`.
  private func weighted(_ hidden: GraphValue, _ weights: GraphValue) throws -> GraphValue {
    try squeeze(matmul(unsqueeze(weights, [1]), hidden), [1])
  }
}
