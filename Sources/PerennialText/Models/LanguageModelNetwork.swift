import Perennial
import Torch

/// A language model as a learner trains it: ids int64 `[N, L]` to features `[N, L, D]`. Paths are the model's own.
///
/// Rows of several texts are `[N, 2, L]`: ids, and the number of the text that each is of, −1 where none is. No text sees
/// another, and each begins at place 0.
public final class LanguageModelBackbone: Module, Backbone {
  public let model: any CausalLanguageModel
  /// The id behind the end of rows, where they differ in length: nothing is computed for columns that it fills, and its
  /// features are 0. Where taps are heard, which have a place for every column, or something stands in front of texts, all is
  /// computed.
  public let filler: Int?
  public var featureCount: Int { model.width }
  public let stages: [Stage] = []
  public var taps: [Tap] { model.taps }

  public init(_ model: any CausalLanguageModel, filler: Int? = nil) {
    (self.model, self.filler) = (model, filler)
    super.init()
    register("", model)
  }

  public func callAsFunction(_ ids: Tensor) throws -> Tensor {
    let ids = try ids.to(.int64)
    guard ids.rank == 3 else {
      guard let filler, model.promptSource == nil, !model.taps.contains(where: \.isHeard) else {
        return try model.hiddenStates(TokenBatch(ids, padding: nil))
      }
      return try trimmed(ids, filler)
    }
    guard ids.shape[1] == 2 else {
      throw TorchError(.shape, "rows of several texts are ids and numbers [N, 2, L], not \(ids.shape)")
    }
    let segments = try ids.select(1, dim: 1)
    return try model.hiddenStates(
      TokenBatch(ids.select(0, dim: 1), mask: segments .>= 0, segments: segments))
  }
}

extension LanguageModelBackbone {
  /// Filling comes last, where no place that counts can see it.
  private func trimmed(_ ids: Tensor, _ filler: Int) throws -> Tensor {
    let (lengths, longest) = try noGrad {
      let lengths = try TokenRows.lengths(ids, filler: filler)
      return (lengths, Swift.max(ids.shape[0] > 0 ? try lengths.amax([0]).itemInt() : 1, 1))
    }
    let missing = ids.shape[1] - longest
    let features = try model.hiddenStates(
      TokenBatch(ids.narrow(dim: 1, start: 0, count: longest), padding: nil))
    let isText = try noGrad {
      try (Tensor.arange(0, longest, device: ids.device) .< lengths.unsqueeze(1)).unsqueeze(2)
    }
    let own = try features * isText.to(features.dtype)
    return missing > 0 ? try own.padded([0, 0, 0, missing]) : own
  }
}

extension LanguageModelBackbone: TextContinuer {
  /// So many texts are written at once.
  private static let batch = 64

  public func continuations(
    of prompts: [[Int]], count: [Int], temperature: Double?, topK: Int?, _ generator: Generator
  ) throws -> [[Int]] {
    var options = GenerationOptions()
    options.sampling = temperature.map { GenerationOptions.Sampling(temperature: $0, topK: topK) }
    var texts = [[Int]](repeating: [], count: prompts.count)
    for rows in batches(prompts.map(\.count), count) {
      let counts = rows.map { count[$0] }
      options.maximumNewTokens = counts.max() ?? 0
      options.seed = UInt64(try Tensor.randomIntegers(0..<Int(Int32.max), [1], generator).itemInt())
      // The context holds a row and no more: the last token is a target alone.
      let written = try model.generate(rows.map { prompts[$0] }, options) {
        $0.tokens.count >= counts[$0.row] ? .stop : .more
      }
      for (row, (text, count)) in zip(rows, zip(written, counts)) {
        texts[row] = Array(text.tokens.prefix(count))
      }
    }
    return texts
  }

  /// Rows that are written at once, shorter prompts first: behind a prompt that is longer, each has room for as many tokens as
  /// it would by itself.
  private func batches(_ lengths: [Int], _ counts: [Int]) -> [[Int]] {
    let context = model.maximumLength.map { $0 - (model.promptSource?.promptLength ?? 0) } ?? .max
    var batches: [[Int]] = []
    var most = 0
    for row in lengths.indices.sorted(by: { (lengths[$0], $0) < (lengths[$1], $1) }) {
      let room = context - lengths[row]
      if let last = batches.last, last.count < Self.batch, most <= room {
        batches[batches.count - 1].append(row)
      } else {
        batches.append([row])
        most = 0
      }
      most = Swift.max(most, Swift.min(counts[row], room))
    }
    return batches
  }
}

extension Network {
  /// A language model that learns to tell the next token.
  ///
  /// - Parameter filler: the id behind the end of rows, where they differ in length.
  public convenience init(_ model: any CausalLanguageModel, filler: Int? = nil) {
    self.init(LanguageModelBackbone(model, filler: filler), head: TokenHead(model))
  }

  /// The language model inside, where there is one.
  public var languageModel: (any CausalLanguageModel)? { (backbone as? LanguageModelBackbone)?.model }
}
