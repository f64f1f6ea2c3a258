import Perennial
import PerennialTokenizers
import Torch

/// Texts to be written for texts: learned token by token, judged by what the model writes by itself, the likeliest token each
/// time.
///
/// Inputs and targets are those of an encoder-decoder, int64 `[N, 2, L]` and `[N, T]`, or of a language model, `[N, L]` and
/// `[N, T]`: it is given what comes before the last run of tokens that are to be learned, and that run is the reference, which may
/// be longer than L. A language model writes as much as its context has room for behind that, and what it writes behind a token
/// that ends the reference does not count.
public struct Writing: Objective {
  private let tokens: TokenPrediction
  private let tokenizer: Tokenizer
  private let score: any SummedScore
  /// The most tokens that are written; as many as the longest reference's row when nil.
  private let limit: Int?
  public let scoreKind: ScoreKind

  /// - Parameters:
  ///   - tokenizer: makes words of tokens, for the score.
  ///   - tokens: the loss that it is learned by.
  ///   - limit: The most tokens that are written; as many as the longest reference's row when nil.
  public init(
    _ tokenizer: Tokenizer, _ tokens: TokenPrediction = TokenPrediction(), score: WritingScore = .bleu,
    limit: Int? = nil
  ) throws {
    (self.tokens, self.tokenizer, self.limit) = (tokens, tokenizer, limit)
    (self.score, scoreKind) = (try score.make(), score.kind)
  }

  public var isClassification: Bool { tokens.isClassification }
  public var hasAlternatives: Bool { tokens.hasAlternatives }
  public var isOfWriting: Bool { true }
  public var tokenPrediction: TokenPrediction? { tokens }

  public func losses(_ outputs: Tensor, _ targets: Tensor) throws -> Tensor {
    try tokens.losses(outputs, targets)
  }

  public func meanLoss(_ outputs: Tensor, _ targets: Tensor) throws -> Tensor {
    try tokens.meanLoss(outputs, targets)
  }

  public func weight(of targets: Tensor) throws -> Double { try tokens.weight(of: targets) }

  /// - Throws: `TorchError` (`unsupported`): outputs alone do not tell what is written.
  public func sums(_ outputs: Tensor, _ targets: Tensor) throws -> [Double] {
    throw TorchError(.unsupported, "a score of outputs: what the model writes is judged")
  }

  /// What is written, counted against the references.
  ///
  /// - Throws: `TorchError` (`unsupported`) for a model that writes nothing.
  public func sums(
    _ learner: Learner, _ inputs: Tensor, task: Int?, _ targets: Tensor, outputs: () throws -> Tensor
  ) throws -> [Double] {
    let length = targets.shape[1]
    let rows = try targets.integers().chunks(of: length).map(Array.init)
    let written = try learner.asking(task: task) {
      if let model = learner.model.encoderDecoder {
        var options = GenerationOptions()
        options.maximumNewTokens = limit ?? length
        return try model.generate(model.sources(inputs), options).map(\.tokens)
      }
      guard let writer = learner.model.backbone as? any TextContinuer else {
        throw TorchError(
          .unsupported, "writing needs a language model or an encoder-decoder, such as `gpt` or `t5`")
      }
      let prompts = try zip(inputs.integers().chunks(of: inputs.shape[1]), rows).map {
        Array($0.prefix(Self.reference(in: $1).lowerBound + 1))
      }
      return try writer.continuations(
        of: prompts, count: prompts.map { _ in limit ?? length }, temperature: nil, topK: nil,
        Generator(seed: 0))
    }
    var score = score
    for (text, row) in zip(written, rows) {
      let reference = row[Self.reference(in: row)]
      let ends = Set(reference.filter { tokenizer.isSpecial($0) })
      try score.add(words(text.prefix { !ends.contains($0) }), reference: words(reference))
    }
    return score.sums
  }

  public func score(of sums: [Double]) -> Double { score.share(of: sums) }

  private func words(_ tokens: some Sequence<Int>) -> String { tokenizer.decode(tokens.map(Int32.init)) }

  /// The last run of tokens that are to be learned.
  static func reference(in row: [Int]) -> Range<Int> {
    let end = row.lastIndex { $0 != TokenPrediction.ignored }.map { $0 + 1 } ?? 0
    let start = row[..<end].lastIndex { $0 == TokenPrediction.ignored }.map { $0 + 1 } ?? 0
    return start..<end
  }

  public func fisherRoots(_ outputs: Tensor) throws -> [Tensor] { try tokens.fisherRoots(outputs) }
  public func scores(_ outputs: Tensor, _ targets: Tensor) throws -> Tensor {
    try tokens.scores(outputs, targets)
  }
  public func sample(_ outputs: Tensor, _ generator: Generator) throws -> Tensor {
    try tokens.sample(outputs, generator)
  }
  public func outputs(for targets: Tensor) -> Int? { tokens.outputs(for: targets) }
}

extension Array {
  /// The elements in runs of `count`.
  func chunks(of count: Int) -> [ArraySlice<Element>] {
    stride(from: 0, to: self.count, by: Swift.max(count, 1)).map {
      self[$0..<Swift.min($0 + count, self.count)]
    }
  }
}
