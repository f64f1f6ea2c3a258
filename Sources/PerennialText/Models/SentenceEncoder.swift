import Foundation
import Perennial
import Torch

/// An encoder and a pooling: texts as rows of token ids to features `[N, D]`, which any head takes.
///
/// Inputs are one tensor int64 `[N, L]`, in which the encoder's padding id fills up rows. Paths are the encoder's own.
public final class SentenceEncoder: Module, Backbone {
  public let encoder: any TextEncoder
  public let pooling: SentencePooling
  public var featureCount: Int { encoder.width }
  public var taps: [Tap] { encoder.taps }

  public init(_ encoder: any TextEncoder, pooling: SentencePooling = SentencePooling()) {
    self.encoder = encoder
    self.pooling = pooling
    super.init()
    register("", encoder)
  }

  /// Ids int64 `[N, L]`, or of another type that holds whole numbers → `[N, D]`
  public func callAsFunction(_ ids: Tensor) throws -> Tensor {
    let ids = try ids.to(.int64)
    guard let padding = encoder.paddingToken else { return try callAsFunction(TokenBatch(ids)) }
    // Columns that are filling in every row cost time alone.
    let length = try noGrad { try (ids .!= padding).any(0).to(.int64).nonzero().amax([0, 1]).item() } + 1
    return try callAsFunction(
      TokenBatch(ids.narrow(dim: 1, start: 0, count: Int(length)), padding: padding))
  }

  /// Tokens `[N, L]` → `[N, D]`
  public func callAsFunction(_ batch: TokenBatch) throws -> Tensor {
    try pooling(encoder.hiddenStates(batch), mask: batch.mask)
  }
}

extension ModelFolder {
  /// A BERT encoder with the pooling that `sentence-transformers` wrote beside it; without its files, the mean.
  ///
  /// - Throws: As `load`, and `FileError` for a pooling that is not known here.
  public func loadSentenceEncoder(dropout: Generator? = nil) throws -> SentenceEncoder {
    let hasModules = FileManager.default.fileExists(atPath: file("modules.json").path)
    let pooling = hasModules ? try SentencePooling(folder: self) : SentencePooling()
    return try SentenceEncoder(load(BERT.self, dropout: dropout), pooling: pooling)
  }
}
