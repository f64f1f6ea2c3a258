import Foundation
import Perennial
import PerennialTokenizers
import Torch

/// Texts to vectors: a sentence encoder with its tokenizer, and what its folder has behind the pooling.
public final class TextEmbedder {
  public let tokenizer: Tokenizer
  public let encoder: SentenceEncoder
  private let tail: SentenceTail
  /// The most tokens of a text, special ones included; the rest is left out.
  public let length: Int
  /// The most tokens, filling included, that are encoded at once.
  private static let batchTokens = 4096

  /// - Parameter length: as `sentence-transformers` says in the folder when nil, and 256 where it says nothing.
  /// - Throws: as `Tokenizer` and `ModelFolder` do for what is wrong in the folder.
  public init(folder: URL, length: Int? = nil) throws {
    tokenizer = try Tokenizer(folder: folder)
    let folder = ModelFolder(folder)
    let modules = try SentenceModules(folder)
    encoder = try SentenceEncoder(folder.load(BERT.self), pooling: modules.pooling)
    tail = try SentenceTail(modules.tail, in: folder, inputs: encoder.featureCount)
    self.length = try length ?? folder.sentenceLength() ?? 256
  }

  /// The places of texts that have more than `length` tokens, and lose their end.
  public func tooLong(_ texts: [String]) -> [Int] {
    texts.indices.filter { tokenizer.encode(texts[$0]).count > length }
  }

  /// Vectors `[N, D]` of N texts. Texts of a length are encoded together, so that little is filled up.
  public func callAsFunction(_ texts: [String]) throws -> Tensor {
    let limit = Truncation(length: length)
    let rows = texts.map { tokenizer.encode($0, truncation: limit).ids.map(Int.init) }
    let order = rows.indices.sorted { rows[$0].count < rows[$1].count }
    return try noGrad {
      try encoder.evaluating {
        var parts: [Tensor] = []
        var start = 0
        while start < order.count {
          var end = start + 1
          while end < order.count, (end + 1 - start) * rows[order[end]].count <= Self.batchTokens { end += 1 }
          parts.append(
            try encoder(
              TokenBatch(order[start..<end].map { rows[$0] }, padding: encoder.encoder.paddingToken ?? 0)))
          start = end
        }
        guard !parts.isEmpty else { return try Tensor.zeros([0, tail.width ?? encoder.featureCount]) }
        return try tail(Tensor.concatenate(parts).indexSelect(Tensor(order).argsort()))
      }
    }
  }
}
