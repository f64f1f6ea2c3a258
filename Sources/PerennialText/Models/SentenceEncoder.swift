import Foundation
import Perennial
import Torch

/// An encoder and a pooling: texts as rows of token ids to features `[N, D]`, which any head takes.
///
/// Inputs are one tensor int64 `[N, L]`, in which the padding id fills up rows. Paths are the encoder's own.
public final class SentenceEncoder: Module, Backbone {
  public let encoder: any TextEncoder
  public let pooling: SentencePooling
  /// The id that fills up rows: the encoder's own where nothing else is said.
  public let paddingToken: Int?
  public var featureCount: Int { encoder.width }
  public var taps: [Tap] { encoder.taps }

  /// - Parameter padding: the id that fills up rows, where the tokenizer's is another than the encoder's.
  public init(
    _ encoder: any TextEncoder, pooling: SentencePooling = SentencePooling(), padding: Int? = nil
  ) {
    self.encoder = encoder
    self.pooling = pooling
    paddingToken = padding ?? encoder.paddingToken
    super.init()
    register("", encoder)
  }

  /// So many texts of about one length are encoded together where nothing learns.
  private static let bucket = 64

  /// Ids int64 `[N, L]`, or of another type that holds whole numbers → `[N, D]`
  ///
  /// Columns that are filling in every row are left out; where nothing learns and nobody listens to taps, which see one
  /// pass, texts of a length go together.
  public func callAsFunction(_ ids: Tensor) throws -> Tensor {
    let ids = try ids.to(.int64)
    guard let padding = paddingToken, ids.shape[0] > 0 else {
      return try callAsFunction(TokenBatch(ids))
    }
    let lengths = try noGrad { try (ids .!= padding).to(.int64).sum([1]).integers() }
    func encode(_ rows: Tensor, _ length: Int) throws -> Tensor {
      try callAsFunction(
        TokenBatch(rows.narrow(dim: 1, start: 0, count: Swift.max(length, 1)), padding: padding))
    }
    let isListened = encoder.taps.contains(where: \.isHeard)
    guard !isGradEnabled, !isListened, lengths.count > Self.bucket,
      try isFilledAtTheEnd(ids, lengths, padding)
    else {
      return try encode(ids, lastToken(ids, padding))
    }
    let order = lengths.indices.sorted { lengths[$0] < lengths[$1] }
    let parts = try stride(from: 0, to: order.count, by: Self.bucket).map { start in
      let places = order[start..<Swift.min(start + Self.bucket, order.count)]
      return try encode(
        ids.indexSelect(Tensor(Array(places)).to(ids.device)), places.last.map { lengths[$0] } ?? 0)
    }
    return try Tensor.concatenate(parts).indexSelect(Tensor(order).argsort().to(ids.device))
  }

  /// Whether filling is behind the tokens of every row, so that their number is the place of the last.
  private func isFilledAtTheEnd(_ ids: Tensor, _ lengths: [Int], _ padding: Int) throws -> Bool {
    let places = try Tensor.arange(0, ids.shape[1], device: ids.device).unsqueeze(0)
    let expected = try places .< Tensor(lengths).to(ids.device).unsqueeze(1)
    return try noGrad { try ((ids .!= padding) .!= expected).any().item() == 0 }
  }

  /// The number of columns up to the last that holds a token.
  private func lastToken(_ ids: Tensor, _ padding: Int) throws -> Int {
    let columns = try noGrad { try (ids .!= padding).any(0).to(.int64).nonzero() }
    return columns.count > 0 ? Int(try columns.amax([0, 1]).item()) + 1 : 0
  }

  /// Tokens `[N, L]` → `[N, D]`
  public func callAsFunction(_ batch: TokenBatch) throws -> Tensor {
    let (hidden, lead) = try encoder.promptedStates(batch)
    guard lead > 0 else { return try pooling(hidden, mask: batch.mask) }
    if (encoder as? any Promptable)?.promptSource?.isReadOut == true {
      return try SentencePooling(.mean, isNormalized: pooling.isNormalized)(
        hidden.narrow(dim: 1, start: 0, count: lead), mask: nil)
    }
    return try pooling(hidden.narrow(dim: 1, start: lead, count: batch.length), mask: batch.mask)
  }
}

extension ModelFolder {
  /// A BERT encoder with the pooling that `sentence-transformers` wrote beside it; without its files, the mean.
  ///
  /// - Throws: As `load`, and as ``SentencePooling/init(folder:)``.
  public func loadSentenceEncoder(dropout: Generator? = nil) throws -> SentenceEncoder {
    let pooling = try SentencePooling(folder: self)
    return try SentenceEncoder(load(BERT.self, dropout: dropout), pooling: pooling)
  }
}
