import Perennial
import Torch

/// The blocks of an encoder or decoder.
package final class T5Stack: Module {
  package let blocks: [T5Block]
  let norm: RMSNorm
  let dropout: Dropout
  let embedded: Tap
  let hidden: Tap

  init(_ c: T5Configuration, part: String, layers: Int, _ generator: Generator, _ masks: Generator) throws {
    blocks = try (0..<layers).map { try T5Block(c, part: part, index: $0, generator, masks) }
    norm = try RMSNorm(c.width, epsilon: c.normalizationEpsilon)
    dropout = Dropout(c.dropout, masks)
    embedded = Tap("\(part).embeddings")
    hidden = Tap("\(part).hidden")
    super.init()
    for (index, block) in blocks.enumerated() { register("block.\(index)", block) }
    register("final_layer_norm", norm)
    register("dropout", dropout)
  }

  var taps: [Tap] { [embedded] + blocks.flatMap { [$0.output] + $0.attentionTaps } + [hidden] }

  /// The biases of the first block, which all share, `[1, heads, queries, keys]`.
  func bias(queries: Int, keys: Int, start: Int = 0) throws -> Tensor {
    guard let bias = blocks.first?.attention.bias else {
      throw TorchError(.unsupported, "a stack without blocks has no biases")
    }
    return try bias(queries: queries, keys: keys, start: start)
  }
}
