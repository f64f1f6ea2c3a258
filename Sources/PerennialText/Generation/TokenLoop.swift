import Torch

/// The loop that all models share: scores in, tokens out, until every text has ended.
struct TokenLoop {
  let options: GenerationOptions
  let endTokens: Set<Int>
  /// The token that stands in for texts that have ended.
  let filler: Int
  /// What each text has before the first new token, for the repetition penalty.
  let prompts: [[Int]]

  /// - Parameters:
  ///   - limit: New tokens that fit.
  ///   - listener: Sees every token of texts that go on.
  ///   - next: Takes the newest tokens int64 `[N, 1]`, nil at first, and gives the scores `[N, V]` of the next.
  func callAsFunction(
    limit: Int, listener: (GeneratedToken) throws -> GenerationDecision, next: (Tensor?) throws -> Tensor
  ) throws -> [Generation] {
    let choose = try TokenChoice(options)
    var results = [Generation](repeating: Generation(), count: prompts.count)
    var isOpen = [Bool](repeating: true, count: prompts.count)
    var newest: Tensor?
    for step in 0..<Swift.min(limit, options.maximumNewTokens) where isOpen.contains(true) {
      var scores = try next(newest)
      if step < options.minimumNewTokens, !endTokens.isEmpty {
        let ends = try Tensor(endTokens.sorted()).to(scores.device)
        scores = try scores.clone()
        try scores.indexFill(ends, -Double.infinity, dim: 1)
      }
      var tokens = try choose(scores, texts: zip(prompts, results).map { $0 + $1.tokens })
      for row in tokens.indices {
        guard isOpen[row] else {
          tokens[row] = filler
          continue
        }
        results[row].tokens.append(tokens[row])
        if let ending = try ending(row, results[row].tokens, listener) {
          results[row].ending = ending
          isOpen[row] = false
        }
      }
      newest = try Tensor(tokens, shape: [tokens.count, 1]).to(scores.device)
    }
    return results
  }

  private func ending(_ row: Int, _ tokens: [Int], _ listener: (GeneratedToken) throws -> GenerationDecision)
    throws -> Generation.Ending?
  {
    guard let token = tokens.last else { return nil }
    let decision = try listener(GeneratedToken(row: row, token: token, tokens: tokens))
    if endTokens.contains(token) { return .endToken }
    if options.stopSequences.contains(where: { tokens.suffix($0.count) == $0[...] }) { return .stopSequence }
    return decision == .stop ? .listener : nil
  }
}
