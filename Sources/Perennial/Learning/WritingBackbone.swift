import Torch

/// A backbone that can make up inputs of its own, as language models do.
public protocol WritingBackbone: Backbone {
  /// Texts that begin with this token, which is left out, up to one that ends a text, which is not; drawn among the
  /// `topK` likeliest tokens at every place.
  ///
  /// - Parameters:
  ///   - count: of texts.
  ///   - length: the most tokens of each, the first not counted.
  ///   - seed: of the draws.
  func write(_ count: Int, after start: Int, length: Int, topK: Int, seed: UInt64) throws -> [[Int]]
}
