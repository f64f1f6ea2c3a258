import Torch

/// The backbone of a model that writes texts.
public protocol TokenWriter: Backbone {
  /// Rows of token prediction with what the model writes in place of what is to be learned, in evaluation mode and without
  /// gradients.
  ///
  /// - Parameters:
  ///   - inputs: int64 `[N, L]`, or `[N, 2, L]` where a source is given.
  ///   - targets: the tokens that follow int64 `[N, L]`, below 0 where they do not count.
  /// - Returns: the same with what was written. Places in front of it, and behind its end, do not count.
  func rewritten(_ inputs: Tensor, _ targets: Tensor, as rows: WrittenRows, _ generator: Generator) throws
    -> (inputs: Tensor, targets: Tensor)
}

/// The backbone of a language model that goes on with texts.
public protocol TextContinuer: TokenWriter {
  /// The id behind the end of rows, where they differ in length.
  var filler: Int? { get }

  /// New tokens behind prompts of one token at least, in evaluation mode and without gradients.
  ///
  /// - Parameters:
  ///   - count: how many each text gets; fewer where it ends before.
  ///   - temperature: divides the scores that tokens are drawn by; nil takes the likeliest.
  ///   - topK: only so many tokens take part in a draw; nil: all.
  func continuations(
    of prompts: [[Int]], count: [Int], temperature: Double?, topK: Int?, _ generator: Generator
  ) throws -> [[Int]]
}

/// How rows of token prediction are written anew.
public struct WrittenRows: Sendable {
  /// The tokens of a text that stay, at least; those that do not count as targets stay too. Where a source is given, it stays,
  /// and all of the target is written.
  public var prompt: Int
  /// Of the draws; nil takes the likeliest token.
  public var temperature: Double?

  public init(prompt: Int, temperature: Double?) { (self.prompt, self.temperature) = (prompt, temperature) }
}

extension TextContinuer {
  public func rewritten(
    _ inputs: Tensor, _ targets: Tensor, as form: WrittenRows, _ generator: Generator
  ) throws -> (inputs: Tensor, targets: Tensor) {
    guard inputs.rank == 2 else {
      throw TorchError(.unsupported, "writing on in rows that hold several texts, \(inputs.shape)")
    }
    let length = inputs.shape[1]
    let rows = try inputs.integers().chunks(of: length)
    let counted = try targets.integers().chunks(of: length)
    let prompts = zip(rows, counted).map { row, counts in
      let first = counts.firstIndex { $0 >= 0 } ?? length - 1
      return Array(row.prefix(Swift.max(first + 1, Swift.min(form.prompt, length))))
    }
    let written = try continuations(
      of: prompts, count: prompts.map { length + 1 - $0.count }, temperature: form.temperature, topK: nil,
      generator)
    var (newInputs, newTargets): ([Int], [Int]) = ([], [])
    for (prompt, own) in zip(prompts, written) {
      let text = prompt + own
      for place in 0..<length {
        newInputs.append(place < text.count ? text[place] : filler ?? 0)
        let isWritten = place + 1 >= prompt.count && place + 1 < text.count
        newTargets.append(isWritten ? text[place + 1] : TokenPrediction.ignored)
      }
    }
    return (
      try Tensor(newInputs, shape: inputs.shape).to(inputs.device),
      try Tensor(newTargets, shape: targets.shape).to(targets.device)
    )
  }
}

extension Array {
  fileprivate func chunks(of count: Int) -> [[Element]] {
    stride(from: 0, to: self.count, by: count).map { Array(self[$0..<Swift.min($0 + count, self.count)]) }
  }
}

extension Network {
  /// The backbone as one that writes.
  ///
  /// - Throws: `StrategyError.model` for models that do not.
  func writer(for strategy: String) throws -> any TokenWriter {
    guard let writer = backbone as? any TokenWriter else {
      throw StrategyError.model(
        strategy, "the model does not write texts: use a language model or an encoder-decoder")
    }
    return writer
  }

  /// The backbone as one that goes on with texts.
  ///
  /// - Throws: `StrategyError.model` for models that do not.
  func continuer(for strategy: String) throws -> any TextContinuer {
    guard let writer = backbone as? any TextContinuer else {
      throw StrategyError.model(strategy, "the model does not go on with texts: use a language model")
    }
    return writer
  }
}
