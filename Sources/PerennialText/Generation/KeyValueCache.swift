import Torch

/// The keys and values of the tokens so far, in memory taken once: a step of decoding writes one column.
///
/// It belongs to one batch of texts, read from left to right, and to evaluation: what it holds has no gradients.
public final class KeyValueCache {
  /// Tokens that fit.
  public let capacity: Int
  /// Tokens that are there, padding included.
  public private(set) var length = 0

  /// `[N, groups, capacity, d]` for each layer.
  private var keys: [Tensor]
  private var values: [Tensor]
  /// Added to the scores of each place, `[N, 1, 1, capacity]`, where some are padding.
  private var bias: Tensor?
  /// Tokens of each row, int64 `[N, 1]`, where padding makes them differ from `length`.
  private var counts: Tensor?

  /// - Parameters:
  ///   - groups: The heads that have keys of their own.
  ///   - width: That of a head.
  public init(layers: Int, rows: Int, groups: Int, capacity: Int, width: Int, device: Device = .cpu) throws {
    self.capacity = capacity
    keys = try (0..<layers).map { _ in try Tensor.empty([rows, groups, capacity, width], device: device) }
    values = try (0..<layers).map { _ in try Tensor.empty([rows, groups, capacity, width], device: device) }
  }

  /// Writes the keys and values `[N, groups, L, d]` of new tokens behind the others, and gives all of them.
  ///
  /// - Throws: `TorchError` (`autograd`) where gradients would be lost.
  func join(_ layer: Int, _ newKeys: Tensor, _ newValues: Tensor) throws -> (Tensor, Tensor) {
    let count = newKeys.shape[2]
    if isGradEnabled, try newKeys.requiresGrad || newValues.requiresGrad {
      throw TorchError(.autograd, "a cache holds no gradients: use it under `noGrad`")
    }
    try noGrad {
      try keys[layer].narrow(dim: 2, start: length, count: count).copy(from: newKeys)
      try values[layer].narrow(dim: 2, start: length, count: count).copy(from: newValues)
    }
    return (
      try keys[layer].narrow(dim: 2, start: 0, count: length + count),
      try values[layer].narrow(dim: 2, start: 0, count: length + count)
    )
  }

  /// Where new tokens stand and what they may look at.
  ///
  /// - Throws: `TorchError` (`shape`) where there is no room for them, or padding and packing where the cache cannot
  ///   follow.
  func view(_ batch: TokenBatch) throws -> (positions: Tensor?, pattern: AttentionPattern) {
    guard length + batch.length <= capacity else {
      throw TorchError(
        .shape, "\(batch.length) tokens behind \(length) do not fit into a cache of \(capacity)")
    }
    guard batch.segments == nil, length == 0 || batch.mask == nil else {
      throw TorchError(.unsupported, "a cache takes padding with the first tokens only, and no packed rows")
    }
    if length == 0 {
      // Right padding would lie between a text and what follows it.
      let pattern = try batch.mask.map { _ in try TokenBatch.square(batch) } ?? batch.pattern(isCausal: true)
      return (try batch.mask.map(Self.positions), pattern)
    }
    let steps = try counts.map { try $0 + Tensor.arange(0, batch.length, device: $0.device).unsqueeze(0) }
    let seen = try bias?.narrow(dim: 3, start: 0, count: length + batch.length)
    return (steps, AttentionPattern(bias: seen, isCausal: batch.length > 1))
  }

  /// Counts tokens that every layer has seen.
  func advance(by batch: TokenBatch) throws {
    if length == 0, let mask = batch.mask {
      let places = try Tensor.zeros([batch.rows, capacity - batch.length], device: mask.device)
      let gaps = try Tensor.zeros(mask.shape, device: mask.device)
        .maskedFill(mask.logicalNot(), AttentionPattern.unseen)
      bias = try Tensor.concatenate([gaps, places], dim: 1).reshape([batch.rows, 1, 1, capacity])
      counts = try mask.to(.int64).sum([1], keepDims: true)
    } else if let counts {
      self.counts = try counts + batch.length
    }
    length += batch.length
  }

  /// The rows that an int64 vector names, in its order: beams that go on, texts that are not finished.
  public func keepRows(_ rows: Tensor) throws {
    keys = try keys.map { try $0.indexSelect(rows) }
    values = try values.map { try $0.indexSelect(rows) }
    bias = try bias?.indexSelect(rows)
    counts = try counts?.indexSelect(rows)
  }

  /// The number of tokens before each, in its row.
  private static func positions(_ mask: Tensor) throws -> Tensor {
    let counted = try mask.to(.int64).cumulativeSum(1) - 1
    return try counted.maximum(counted.zerosLike())
  }
}

extension TokenBatch {
  /// The causal pattern with padding on any side left out.
  fileprivate static func square(_ batch: TokenBatch) throws -> AttentionPattern {
    guard let mask = batch.mask else { return AttentionPattern(isCausal: true) }
    let past = try Tensor.ones([batch.length, batch.length], dtype: .bool, device: mask.device)
      .lowerTriangle()
    let allowed = try mask.unsqueeze(1).logicalAnd(past).unsqueeze(1)
    return AttentionPattern(bias: try AttentionPattern.bias(allowed))
  }
}

/// Where the tokens of a batch stand for a causal model, and what they may look at.
struct CausalView {
  /// The first token's column.
  let start: Int
  /// The column behind the last token.
  let end: Int
  /// Places in the text, int64 `[N, L]`; nil: `start`, `start` + 1 …
  let positions: Tensor?
  let pattern: AttentionPattern

  init(start: Int, end: Int, positions: Tensor?, pattern: AttentionPattern) {
    (self.start, self.end, self.positions, self.pattern) = (start, end, positions, pattern)
  }

  init(_ batch: TokenBatch, cache: KeyValueCache?) throws {
    let start = cache?.length ?? 0
    let (positions, pattern) = try cache?.view(batch) ?? (batch.positions(), batch.pattern(isCausal: true))
    self.init(start: start, end: start + batch.length, positions: positions, pattern: pattern)
  }
}
