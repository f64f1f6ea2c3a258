import Perennial
import PerennialTokenizers
import Torch

/// Rows for an encoder-decoder: what it reads, and what it writes.
struct SourceTargetRows {
  /// int64 `[N, 2, L]`: the source, and the target behind the token that begins it.
  let inputs: Tensor
  /// int64 `[N, L]`: the target, −100 behind its end.
  let targets: Tensor

  /// - Parameters:
  ///   - texts: tokens of sources and targets, no longer than L.
  ///   - length: L
  init(_ texts: [(source: [Int], target: [Int])], length: Int, padding: Int, start: Int) throws {
    var (ids, labels): ([Int], [Int]) = ([], [])
    func fill(_ tokens: [Int], _ filler: Int) -> [Int] {
      tokens + [Int](repeating: filler, count: length - tokens.count)
    }
    for (source, target) in texts {
      ids += fill(source, padding) + fill([start] + target.dropLast(), padding)
      labels += fill(target, TokenPrediction.ignored)
    }
    inputs = try Tensor(ids, shape: [texts.count, 2, length])
    targets = try Tensor(labels, shape: [texts.count, length])
  }
}

/// The tokens that a model begins, ends and fills up texts with.
struct FrameTokens {
  let start: Int
  let end: Int?
  let padding: Int
}

extension LanguageRecord {
  /// Prompt and completion in tokens, each with the token that ends it.
  ///
  /// - Throws: `RecordProblem` for a record of another kind.
  func pair(_ tokenizer: Tokenizer, _ frame: FrameTokens) throws(RecordProblem) -> (
    source: [Int], target: [Int]
  ) {
    guard case .answer(let prompt, let completion) = content else {
      throw RecordProblem("an encoder-decoder learns from `prompt` and `completion`")
    }
    func tokens(_ text: String) -> [Int] {
      tokenizer.encode(text, addSpecialTokens: false).ids.map(Int.init) + (frame.end.map { [$0] } ?? [])
    }
    return (tokens(prompt), tokens(completion))
  }
}
