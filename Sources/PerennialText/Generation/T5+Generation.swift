import Torch

extension T5 {
  /// Writes targets for sources, all at once, in evaluation mode and without gradients.
  ///
  /// - Parameters:
  ///   - sources: Token ids, at least one a text.
  ///   - listener: Is told every new token as it comes, and may end its text.
  /// - Returns: The targets without the start token.
  /// - Throws: `GenerationError`, `TorchError` for ids outside of the vocabulary.
  public func generate(
    _ sources: [[Int]], _ options: GenerationOptions = GenerationOptions(),
    listener: (GeneratedToken) throws -> GenerationDecision = { _ in .more }
  ) throws -> [Generation] {
    try options.check()
    guard sources.allSatisfy({ !$0.isEmpty }) else {
      throw GenerationError(option: "sources", allowed: "at least one token each")
    }
    guard !sources.isEmpty else { return [] }
    let padding = paddingToken ?? 0
    let start = configuration.startToken
    let loop = TokenLoop(
      options: options, endTokens: Set(options.endTokens ?? endTokens), filler: padding,
      prompts: sources.map { _ in [start] })
    return try evaluating {
      try noGrad {
        let device = try outputWeight.value.device
        let (encoded, source) = try encode(TokenBatch(sources, padding: padding).moved(to: device))
        let first = try Tensor.full([sources.count, 1], start, dtype: .int64, device: device)
        let decoding =
          options.usesCache
          ? try EncodedSource(self, encoded: encoded, source: source, capacity: options.maximumNewTokens + 1)
          : nil
        var all = try TokenBatch(first)
        return try loop(limit: options.maximumNewTokens, listener: listener) { newest in
          if let newest { all = decoding == nil ? try all.appending(newest) : try TokenBatch(newest) }
          let hidden =
            try decoding.map { try decoded(all, decoding: $0) }
            ?? decoded(all, encoded: encoded, source: source)
          return try logits(hidden.select(-1, dim: 1))
        }
      }
    }
  }
}
