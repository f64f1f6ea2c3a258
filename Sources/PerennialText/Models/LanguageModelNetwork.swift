import Perennial
import Torch

/// A language model as a learner trains it: ids int64 `[N, L]` to features `[N, L, D]`. Paths are the model's own.
///
/// Rows of several texts are `[N, 2, L]`: ids, and the number of the text that each is of, −1 where none is. No text sees
/// another, and each begins at place 0.
public final class LanguageModelBackbone: Module, Backbone {
  public let model: any CausalLanguageModel
  public var featureCount: Int { model.width }
  public let stages: [Stage] = []
  public var taps: [Tap] { model.taps }

  public init(_ model: any CausalLanguageModel) {
    self.model = model
    super.init()
    register("", model)
  }

  public func callAsFunction(_ ids: Tensor) throws -> Tensor {
    let ids = try ids.to(.int64)
    guard ids.rank == 3 else { return try model.hiddenStates(TokenBatch(ids, padding: nil)) }
    guard ids.shape[1] == 2 else {
      throw TorchError(.shape, "rows of several texts are ids and numbers [N, 2, L], not \(ids.shape)")
    }
    let segments = try ids.select(1, dim: 1)
    return try model.hiddenStates(
      TokenBatch(ids.select(0, dim: 1), mask: segments .>= 0, segments: segments))
  }
}

extension LanguageModelBackbone: TokenWriter {
  public func continuations(
    of prompts: [[Int]], count: [Int], temperature: Double?, _ generator: Generator
  ) throws -> [[Int]] {
    var options = GenerationOptions()
    options.maximumNewTokens = count.max() ?? 0
    options.sampling = temperature.map { GenerationOptions.Sampling(temperature: $0) }
    options.seed = UInt64(try Tensor.randomIntegers(0..<Int(Int32.max), [1], generator).itemInt())
    // The context holds a row and no more: the last token is a target alone.
    return try zip(
      model.generate(prompts, options) { $0.tokens.count >= count[$0.row] ? .stop : .more }, count
    )
    .map { Array($0.tokens.prefix($1)) }
  }
}

extension LanguageModelBackbone: WritingBackbone {
  /// So many texts are written at once.
  private static let batch = 64

  public func write(_ count: Int, after start: Int, length: Int, topK: Int, seed: UInt64) throws -> [[Int]] {
    var options = GenerationOptions()
    options.sampling = .init(topK: topK)
    options.maximumNewTokens = length
    return try stride(from: 0, to: count, by: Self.batch).flatMap { first in
      options.seed = RandomStreams.derive(seed, "\(first)")
      let prompts = [[Int]](repeating: [start], count: Swift.min(Self.batch, count - first))
      return try model.generate(prompts, options).map(\.tokens)
    }
  }
}

extension Network {
  /// A language model that learns to tell the next token.
  public convenience init(_ model: any CausalLanguageModel) {
    self.init(LanguageModelBackbone(model), head: TokenHead(model))
  }

  /// The language model inside, where there is one.
  public var languageModel: (any CausalLanguageModel)? { (backbone as? LanguageModelBackbone)?.model }
}
