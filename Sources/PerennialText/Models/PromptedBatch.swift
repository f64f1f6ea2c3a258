import Perennial
import Torch

/// Texts with what stands in front of them, as a model runs them.
struct PromptedBatch {
  /// The batch with P places in front for the prompt.
  let whole: TokenBatch
  /// Places of the hidden states that belong to the prompt: P for embeddings, 0 for a prefix.
  let lead: Int
  private let prompt: Prompt?

  /// - Parameter cache: what holds the beginning of the texts, and with it their prompt.
  /// - Throws: `TorchError` (`unsupported`) for rows of several texts.
  init(_ batch: TokenBatch, _ source: (any PromptSource)?, after cache: KeyValueCache? = nil) throws {
    prompt = (cache?.length ?? 0) > 0 ? nil : try source?(batch.ids)
    guard let prompt else {
      (whole, lead) = (batch, 0)
      return
    }
    whole = try batch.led(by: prompt.length)
    if case .embeddings = prompt { lead = prompt.length } else { lead = 0 }
  }

  /// Places that keys have and queries have not.
  var hiddenPlaces: Int { (prompt?.length ?? 0) - lead }

  /// The prompt's embeddings in front of those of the tokens `[N, L, D]`.
  func joined(_ tokens: Tensor) throws -> Tensor {
    guard case .embeddings(let rows)? = prompt else { return tokens }
    return try Tensor.concatenate(
      [rows.expand([tokens.shape[0], rows.shape[1], rows.shape[2]]), tokens], dim: 1)
  }

  /// The prefix's keys and values `[N or 1, groups, P, d]` for a layer; none without a prefix.
  func prefix(_ layer: Int) throws -> [Tensor] {
    guard case .prefix(let rows)? = prompt else { return [] }
    return [try rows[layer][0], try rows[layer][1]]
  }

  /// Hidden states `[N, L, D]` of the tokens alone.
  func tokens(_ hidden: Tensor) throws -> Tensor {
    lead > 0 ? try hidden.narrow(dim: 1, start: lead, count: hidden.shape[1] - lead) : hidden
  }

  /// Where the places that are run stand, and what they look at.
  func view(_ cache: KeyValueCache?) throws -> CausalView {
    try CausalView(whole, cache: cache).dropping(hiddenPlaces)
  }
}

extension TokenBatch {
  /// The same with places in front that every token sees.
  fileprivate func led(by count: Int) throws -> TokenBatch {
    guard segments == nil else {
      throw TorchError(.unsupported, "a prompt in front of rows that hold several texts")
    }
    let front = try Tensor.zeros([rows, count], dtype: .int64, device: ids.device)
    return try TokenBatch(
      Tensor.concatenate([front, ids], dim: 1),
      mask: mask.map { try Tensor.concatenate([front .== 0, $0], dim: 1) })
  }
}

extension CausalView {
  /// Without the first places: they have keys, but ask nothing.
  fileprivate func dropping(_ count: Int) throws -> CausalView {
    guard count > 0 else { return self }
    return CausalView(
      start: start + count, end: end,
      positions: try positions.map { try $0.narrow(dim: 1, start: count, count: $0.shape[1] - count) },
      pattern: try pattern.dropping(count))
  }
}

extension AttentionPattern {
  /// Without the first queries.
  func dropping(_ count: Int) throws -> AttentionPattern {
    guard count > 0, let bias, bias.shape[2] > 1 else { return self }
    return AttentionPattern(
      bias: try bias.narrow(dim: 2, start: count, count: bias.shape[2] - count), isCausal: isCausal)
  }
}

extension [Tensor] {
  /// A prefix's keys and values in front of those of the tokens `[N, groups, L, d]`.
  func leading(_ keys: Tensor, _ values: Tensor) throws -> (keys: Tensor, values: Tensor) {
    guard count == 2 else { return (keys, values) }
    func join(_ prefix: Tensor, _ own: Tensor) throws -> Tensor {
      let shape = [own.shape[0], prefix.shape[1], prefix.shape[2], prefix.shape[3]]
      return try Tensor.concatenate([prefix.expand(shape), own], dim: 2)
    }
    return (try join(self[0], keys), try join(self[1], values))
  }
}
