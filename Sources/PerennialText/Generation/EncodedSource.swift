import Torch

/// An encoded source with what every block of the decoder needs of it, computed once, and the cache of a target.
public final class EncodedSource {
  let cache: KeyValueCache
  let others: [(Tensor, Tensor)]
  let pattern: AttentionPattern
  /// The biases of falling distances, `[1, heads, 1, capacity]`.
  private let falling: Tensor

  /// - Parameters:
  ///   - encoded: The encoder's output for `source`, `[N, S, D]`.
  ///   - capacity: Tokens of the target that fit, the start token included.
  public convenience init(_ model: T5, encoded: Tensor, source: TokenBatch, capacity: Int) throws {
    try self.init(
      model, others: model.decoder.blocks.compactMap { try $0.cross?.keysAndValues(encoded) },
      mask: source.mask, capacity: capacity)
  }

  /// - Parameters:
  ///   - others: Keys and values `[N, heads, S, d]` of the encoder's output for each block of the decoder.
  ///   - mask: Where the source has tokens, bool `[N, S]`; everywhere when nil.
  package init(_ model: T5, others: [(Tensor, Tensor)], mask: Tensor?, capacity: Int) throws {
    let c = model.configuration
    cache = try KeyValueCache(
      layers: c.decoderLayers, rows: others.first?.0.shape[0] ?? 0, groups: c.heads, capacity: capacity,
      width: c.headWidth, device: model.outputWeight.value.device)
    self.others = others
    pattern = AttentionPattern(
      bias: try mask.map { try AttentionPattern.bias($0.unsqueeze(1).unsqueeze(1)) })
    falling = try model.decoder.bias(queries: 1, keys: capacity, start: capacity - 1)
  }

  /// The biases of the next `count` places.
  func bias(_ count: Int, _ any: (_ queries: Int, _ keys: Int, _ start: Int) throws -> Tensor) throws
    -> Tensor
  {
    let places = cache.length + count
    guard count == 1 else { return try any(count, places, cache.length) }
    return try falling.narrow(dim: 3, start: cache.capacity - places, count: places)
  }
}

extension TokenBatch {
  /// What the places of a target may see of this source.
  func crossPattern(_ target: TokenBatch) throws -> AttentionPattern {
    guard (segments == nil) == (target.segments == nil) else {
      throw TorchError(.unsupported, "source and target are both packed, or neither is")
    }
    let seen = try mask?.unsqueeze(1)
    guard let own = segments, let theirs = target.segments else {
      return AttentionPattern(bias: try seen.map { try AttentionPattern.bias($0.unsqueeze(1)) })
    }
    let same = try theirs.unsqueeze(2) .== own.unsqueeze(1)
    let allowed = try seen.map { try same.logicalAnd($0) } ?? same
    return AttentionPattern(bias: try AttentionPattern.bias(allowed.unsqueeze(1)))
  }
}
