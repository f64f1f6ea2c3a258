import Perennial
import PerennialTokenizers
import Torch

/// Texts to be written for texts: learned token by token, judged by BLEU of what an encoder-decoder writes by itself.
///
/// Inputs are int64 `[N, 2, L]`, targets int64 `[N, L]`, as `EncoderDecoderBackbone` takes them. The score is sacrebleu's
/// (`tok:13a`, cased), as a share.
public struct Translation: Objective {
  private let tokens: TokenPrediction
  private let tokenizer: Tokenizer
  private let bleu: BLEU

  /// - Parameters:
  ///   - tokenizer: makes words of tokens, for the score.
  ///   - tokens: the loss that it is learned by.
  public init(_ tokenizer: Tokenizer, _ tokens: TokenPrediction = TokenPrediction()) throws {
    self.tokens = tokens
    self.tokenizer = tokenizer
    bleu = try BLEU()
  }

  public var isClassification: Bool { tokens.isClassification }
  public var hasAlternatives: Bool { tokens.hasAlternatives }
  public var scoreKind: ScoreKind { .bleu }
  public var isOfWriting: Bool { true }
  public var tokenPrediction: TokenPrediction? { tokens }

  public func losses(_ outputs: Tensor, _ targets: Tensor) throws -> Tensor {
    try tokens.losses(outputs, targets)
  }

  public func meanLoss(_ outputs: Tensor, _ targets: Tensor) throws -> Tensor {
    try tokens.meanLoss(outputs, targets)
  }

  public func weight(of targets: Tensor) throws -> Double { try tokens.weight(of: targets) }

  /// - Throws: `TorchError` (`unsupported`): BLEU is of what is written, and outputs alone do not tell that.
  public func sums(_ outputs: Tensor, _ targets: Tensor) throws -> [Double] {
    throw TorchError(.unsupported, "BLEU of outputs: a translation is judged by what the model writes")
  }

  /// What is written for the sources, counted against the targets.
  ///
  /// - Throws: `TorchError` (`unsupported`) for a model that is no encoder-decoder.
  public func sums(
    _ learner: Learner, _ inputs: Tensor, task: Int?, _ targets: Tensor, outputs: () throws -> Tensor
  ) throws -> [Double] {
    guard let model = learner.model.encoderDecoder else {
      throw TorchError(.unsupported, "translation needs an encoder-decoder, such as `t5`")
    }
    let length = targets.shape[1]
    let sources = try inputs.select(0, dim: 1).integers().chunks(of: length).map { row in
      let last = row.lastIndex { $0 != model.paddingToken }
      return last.map { Array(row[row.startIndex...$0]) } ?? [model.paddingToken ?? 0]
    }
    var options = GenerationOptions()
    options.maximumNewTokens = length
    let written = try learner.asking(task: task) { try model.generate(sources, options) }
    var score = bleu
    for (text, truth) in try zip(written, targets.integers().chunks(of: length)) {
      let reference = truth.filter { $0 != TokenPrediction.ignored }
      try score.add(
        tokenizer.decode(text.tokens.map(Int32.init)), reference: tokenizer.decode(reference.map(Int32.init)))
    }
    return score.sums
  }

  public func score(of sums: [Double]) -> Double { bleu.score(of: sums).value / 100 }

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
  fileprivate func chunks(of count: Int) -> [ArraySlice<Element>] {
    stride(from: 0, to: self.count, by: Swift.max(count, 1)).map {
      self[$0..<Swift.min($0 + count, self.count)]
    }
  }
}
