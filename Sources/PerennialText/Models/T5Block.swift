import Perennial
import Torch

/// Attention without biases and without division of scores, on a normalised input.
package final class T5Attention: Module {
  package let core: AttentionCore
  package let bias: RelativePositionBias?
  private let query, key, value, mix: Linear
  package let heads: Int
  package let headWidth: Int

  init(
    _ c: T5Configuration, tap: String, bias: RelativePositionBias?, _ generator: Generator, _ masks: Generator
  ) throws {
    let inner = c.heads * c.headWidth
    func linear(_ inputs: Int, _ outputs: Int, _ power: Double) throws -> Linear {
      try .normal(
        inputs, outputs, bias: false, deviation: c.initializerFactor / power.squareRoot(), generator)
    }
    query = try linear(c.width, inner, Double(c.width * c.headWidth))
    key = try linear(c.width, inner, Double(c.width))
    value = try linear(c.width, inner, Double(c.width))
    mix = try linear(inner, c.width, Double(inner))
    core = AttentionCore(tap, scale: 1, dropout: Dropout(c.dropout, masks))
    (heads, headWidth) = (c.heads, c.headWidth)
    self.bias = bias
    super.init()
    register("q", query)
    register("k", key)
    register("v", value)
    register("o", mix)
    register("core", core)
    if let bias { register("relative_attention_bias", bias) }
  }

  /// `[N, heads, L, d]` each.
  package func keysAndValues(_ x: Tensor) throws -> (Tensor, Tensor) {
    (try key(x).splitHeads(heads), try value(x).splitHeads(heads))
  }

  func callAsFunction(_ x: Tensor, _ others: (Tensor, Tensor), _ pattern: AttentionPattern) throws -> Tensor {
    try mix(core(query(x).splitHeads(heads), others.0, others.1, pattern))
  }
}

/// A perceptron of two layers, the first gated where the configuration says so.
package final class T5FeedForward: Module {
  private let gated: Linear?
  private let inner, outer: Linear
  private let dropout: Dropout
  package let activation: ActivationName

  init(_ c: T5Configuration, _ generator: Generator, _ masks: Generator) throws {
    func linear(_ inputs: Int, _ outputs: Int) throws -> Linear {
      try .normal(
        inputs, outputs, bias: false, deviation: c.initializerFactor / Double(inputs).squareRoot(), generator)
    }
    inner = try linear(c.width, c.innerWidth)
    gated = c.feedForward.isGated ? try linear(c.width, c.innerWidth) : nil
    outer = try linear(c.innerWidth, c.width)
    dropout = Dropout(c.dropout, masks)
    activation = c.feedForward.activation
    super.init()
    register(gated == nil ? "wi" : "wi_0", inner)
    if let gated { register("wi_1", gated) }
    register("wo", outer)
    register("dropout", dropout)
  }

  func callAsFunction(_ x: Tensor) throws -> Tensor {
    let activated = try activation(inner(x))
    return try outer(dropout(gated.map { try activated * $0(x) } ?? activated))
  }
}

/// A block of the encoder, or of the decoder, which also looks at the encoder's output.
package final class T5Block: Module {
  package let attention: T5Attention
  package let cross: T5Attention?
  let output: Tap
  private let feedForward: T5FeedForward
  private let norms: [RMSNorm]
  private let dropout: Dropout

  init(_ c: T5Configuration, part: String, index: Int, _ generator: Generator, _ masks: Generator) throws {
    let isDecoder = part == "decoder"
    let bias =
      index == 0 ? try RelativePositionBias(c, isBidirectional: !isDecoder, generator) : nil
    attention = try T5Attention(c, tap: "\(part).attentions.\(index)", bias: bias, generator, masks)
    cross =
      isDecoder
      ? try T5Attention(c, tap: "\(part).crossAttentions.\(index)", bias: nil, generator, masks) : nil
    feedForward = try T5FeedForward(c, generator, masks)
    norms = try (0..<(isDecoder ? 3 : 2)).map { _ in try RMSNorm(c.width, epsilon: c.normalizationEpsilon) }
    dropout = Dropout(c.dropout, masks)
    output = Tap("\(part).layers.\(index)")
    super.init()
    register("layer.0.SelfAttention", attention)
    if let cross { register("layer.1.EncDecAttention", cross) }
    register("layer.\(norms.count - 1).DenseReluDense", feedForward)
    for (index, norm) in norms.enumerated() { register("layer.\(index).layer_norm", norm) }
    register("dropout", dropout)
  }

  /// - Parameters:
  ///   - join: Takes new keys and values and gives all of them.
  ///   - others: The keys and values of the encoder's output.
  func callAsFunction(
    _ x: Tensor, _ pattern: AttentionPattern, join: ((Tensor, Tensor) throws -> (Tensor, Tensor))? = nil,
    others: (Tensor, Tensor)? = nil, crossPattern: AttentionPattern = AttentionPattern()
  ) throws -> Tensor {
    let normed = try norms[0](x)
    let own = try attention.keysAndValues(normed)
    var x = try x + dropout(attention(normed, join?(own.0, own.1) ?? own, pattern))
    if let cross, let others { x = try x + dropout(cross(norms[1](x), others, crossPattern)) }
    return try x + dropout(feedForward(norms[norms.count - 1](x)))
  }

  var attentionTaps: [Tap] { attention.core.taps + (cross?.core.taps ?? []) }
}
