import Torch

extension CausalLanguageModel {
  /// Continues texts, all at once, in evaluation mode and without gradients.
  ///
  /// Shorter texts are filled up at the left, where nothing sees it; each text gets the tokens that it would get by
  /// itself, up to rounding. The same seed draws the same tokens for the same texts.
  /// - Parameters:
  ///   - prompts: Token ids, at least one a text.
  ///   - listener: Is told every new token as it comes, and may end its text.
  /// - Throws: `GenerationError`, `TorchError` for ids outside of the vocabulary and prompts that are too long.
  public func generate(
    _ prompts: [[Int]], _ options: GenerationOptions = GenerationOptions(),
    listener: (GeneratedToken) throws -> GenerationDecision = { _ in .more }
  ) throws -> [Generation] {
    try options.check()
    guard prompts.allSatisfy({ !$0.isEmpty }) else {
      throw GenerationError(option: "prompts", allowed: "at least one token each")
    }
    guard let length = prompts.map(\.count).max() else { return [] }
    let ends = options.endTokens ?? endTokens
    let filler = paddingToken ?? ends.first ?? 0
    let lead = promptSource?.promptLength ?? 0
    let limit = maximumLength.map { $0 - length - lead } ?? options.maximumNewTokens
    guard limit >= 0 else {
      throw GenerationError(
        option: "prompts", allowed: "at most \(length + limit) tokens long for this model, not \(length)")
    }
    let loop = TokenLoop(options: options, endTokens: Set(ends), filler: filler, prompts: prompts)
    return try evaluating {
      try noGrad {
        let device = try outputWeight.value.device
        let batch = try TokenBatch(prompts, padding: filler, side: .left).moved(to: device)
        let capacity = lead + length + Swift.min(limit, options.maximumNewTokens)
        let cache = options.usesCache ? try makeCache(rows: batch.rows, capacity: capacity) : nil
        var all = batch
        return try loop(limit: limit, listener: listener) { newest in
          var step = all
          if let newest {
            all = cache == nil ? try all.appending(newest) : all
            step = cache == nil ? all : try TokenBatch(newest)
          }
          return try logits(hiddenStates(step, cache: cache).select(-1, dim: 1))
        }
      }
    }
  }
}

extension TokenBatch {
  /// The same on another device.
  public func moved(to device: Device) throws -> TokenBatch {
    try TokenBatch(ids.to(device), mask: mask?.to(device), segments: segments?.to(device))
  }

  /// With more tokens `[N, L']` at the right.
  func appending(_ tokens: Tensor) throws -> TokenBatch {
    let places = try mask.map { try Tensor.concatenate([$0, tokens .== tokens], dim: 1) }
    return try TokenBatch(Tensor.concatenate([ids, tokens], dim: 1), mask: places)
  }
}
