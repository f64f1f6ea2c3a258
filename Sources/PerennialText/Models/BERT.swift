import Perennial
import Torch

/// The BERT encoder (Devlin et al. 2019), with the parameter names of `transformers`' `BertModel`.
///
/// Taps are `embeddings`, `layers.0` … (what each layer gives, `[N, L, D]`), `attentions.0` … (its probabilities
/// `[N, heads, L, S]`; `attentions.0.scores` before the softmax, `attentions.0.values` what they weigh) and `hidden`. Places count
/// tokens, so that padding may stand on either side.
public final class BERT: Module, PublishedModel, TextEncoder, Promptable, Recomputing {
  public static let modelTypes = ["bert"]
  public let configuration: BERTConfiguration
  public let taps: [Tap]
  public var recomputesBlocks = false
  public var promptSource: (any PromptSource)?
  public var width: Int { configuration.width }
  public var paddingToken: Int? { configuration.paddingToken }

  private let words: Embedding
  private let places: Embedding
  private let types: Embedding
  private let norm: LayerNorm
  private let dropout: Dropout
  package let layers: [BERTLayer]
  private let pooler: Linear?
  private let embedded = Tap("embeddings")
  private let hidden = Tap("hidden")
  private let masks: Generator

  /// A model with fresh weights, drawn as `transformers` draws them.
  public init(_ configuration: BERTConfiguration, _ generator: Generator, dropout masks: Generator) throws {
    let (c, deviation) = (configuration, configuration.initializerRange)
    guard c.heads > 0, c.width % c.heads == 0 else {
      throw TorchError(.shape, "a width of \(c.width) does not divide into \(c.heads) heads")
    }
    self.configuration = c
    self.masks = masks
    words = try .normal(c.vocabularySize, c.width, padding: c.paddingToken, deviation: deviation, generator)
    places = try .normal(c.maximumLength, c.width, deviation: deviation, generator)
    types = try .normal(c.tokenTypes, c.width, deviation: deviation, generator)
    norm = try LayerNorm([c.width], epsilon: c.normalizationEpsilon)
    dropout = Dropout(c.hiddenDropout, masks)
    layers = try (0..<c.layers).map { try BERTLayer(c, index: $0, generator, masks) }
    pooler = c.hasPooler ? try .normal(c.width, c.width, deviation: deviation, generator) : nil
    taps = [embedded] + layers.flatMap { [$0.output] + $0.core.taps } + [hidden]
    super.init()
    register("embeddings.word_embeddings", words)
    register("embeddings.position_embeddings", places)
    register("embeddings.token_type_embeddings", types)
    register("embeddings.LayerNorm", norm)
    register("embeddings.dropout", dropout)
    for (index, layer) in layers.enumerated() { register("encoder.layer.\(index)", layer) }
    if let pooler { register("pooler.dense", pooler) }
  }

  /// What the last layer gives, `[N, L, D]`; rows of padding hold numbers without meaning.
  ///
  /// - Parameter types: The part of a pair that each token belongs to, int64 `[N, L]`; nil: the first.
  /// - Throws: `TorchError` for sequences that are too long, and ids outside of the vocabulary.
  public func hiddenStates(_ batch: TokenBatch, types tokenTypes: Tensor?) throws -> Tensor {
    let (all, lead) = try promptedStates(batch, types: tokenTypes)
    return lead > 0 ? try all.narrow(dim: 1, start: lead, count: batch.length) : all
  }

  public func hiddenStates(_ batch: TokenBatch) throws -> Tensor { try hiddenStates(batch, types: nil) }

  public func promptedStates(_ batch: TokenBatch) throws -> (hidden: Tensor, lead: Int) {
    try promptedStates(batch, types: nil)
  }

  private func promptedStates(_ batch: TokenBatch, types tokenTypes: Tensor?) throws -> (
    hidden: Tensor, lead: Int
  ) {
    let prompted = try PromptedBatch(batch, promptSource)
    let (length, skipped) = (prompted.whole.length, prompted.hiddenPlaces)
    try configuration.maximumLength.checkLength(length)
    let positions =
      try prompted.whole.positions().map {
        try places($0.narrow(dim: 1, start: skipped, count: length - skipped))
      }
      ?? places.weight.value[skipped..<length]
    let type = try tokenTypes.map { try types($0.padded([prompted.lead, 0])) } ?? types.weight.value[0]
    var x = embedded(try dropout(norm(prompted.joined(words(batch.ids)) + positions + type)))
    let pattern = try prompted.whole.pattern(isCausal: false).dropping(skipped)
    for (index, layer) in layers.enumerated() {
      let taps = layer.core.taps
      x = layer.output(
        try run(layer, [x] + prompted.prefix(index), dropout: masks, heard: taps) {
          try layer($0[0], pattern, prefix: Array($0.dropFirst()))
        })
    }
    return (hidden(x), prompted.lead)
  }

  public var promptShape: PromptShape {
    let c = configuration
    return PromptShape(width: c.width, layers: c.layers, groups: c.heads, headWidth: c.width / c.heads)
  }

  public var tokenTable: Parameter { words.weight }

  /// The pooler's output `[N, D]` for hidden states `[N, L, D]`: tanh of a dense layer on the first token.
  ///
  /// - Throws: `TorchError` (`unsupported`) for an encoder without a pooler.
  public func pooled(_ hidden: Tensor) throws -> Tensor {
    guard let pooler else { throw TorchError(.unsupported, "this encoder was made without a pooler") }
    return try pooler(hidden.select(0, dim: 1)).tanh()
  }

  public static func names(_ configuration: BERTConfiguration) -> CheckpointNames {
    CheckpointNames(
      outer: "bert.", passedOver: ["cls."] + (configuration.hasPooler ? [] : ["pooler."]),
      computed: ["embeddings.position_ids", "embeddings.token_type_ids"])
  }

  /// Whether there is a pooler is for the file to say: `config.json` has no key for it. Half of one is a mistake.
  public static func fit(
    _ configuration: BERTConfiguration, to paths: Set<String>, untied: Set<String>
  ) -> BERTConfiguration? {
    guard configuration.hasPooler, !paths.contains(where: { $0.hasPrefix("pooler.") }) else { return nil }
    var fitted = configuration
    fitted.hasPooler = false
    return fitted
  }
}

/// Attention and a two-layer perceptron, each added to its input and normalised after.
package final class BERTLayer: Module, TransformerBlock {
  package var attentionOutput: any AdaptableLayer { mix }
  package var perceptronOutput: any AdaptableLayer { outer }
  package let core: AttentionCore
  let output: Tap
  private let query, key, value, mix, inner, outer: Linear
  private let attentionNorm, outputNorm: LayerNorm
  private let dropout: Dropout
  package let heads: Int
  package let activation: ActivationName

  init(_ c: BERTConfiguration, index: Int, _ generator: Generator, _ masks: Generator) throws {
    func linear(_ inputs: Int, _ outputs: Int) throws -> Linear {
      try .normal(inputs, outputs, deviation: c.initializerRange, generator)
    }
    query = try linear(c.width, c.width)
    key = try linear(c.width, c.width)
    value = try linear(c.width, c.width)
    mix = try linear(c.width, c.width)
    inner = try linear(c.width, c.innerWidth)
    outer = try linear(c.innerWidth, c.width)
    attentionNorm = try LayerNorm([c.width], epsilon: c.normalizationEpsilon)
    outputNorm = try LayerNorm([c.width], epsilon: c.normalizationEpsilon)
    dropout = Dropout(c.hiddenDropout, masks)
    core = AttentionCore(
      "attentions.\(index)", scale: 1 / Double(c.width / c.heads).squareRoot(),
      dropout: Dropout(c.attentionDropout, masks))
    output = Tap("layers.\(index)")
    heads = c.heads
    activation = c.activation
    super.init()
    register("attention.self.query", query)
    register("attention.self.key", key)
    register("attention.self.value", value)
    register("attention.self", core)
    register("attention.output.dense", mix)
    register("attention.output.LayerNorm", attentionNorm)
    register("intermediate.dense", inner)
    register("output.dense", outer)
    register("output.LayerNorm", outputNorm)
    register("output.dropout", dropout)
  }

  func callAsFunction(_ x: Tensor, _ pattern: AttentionPattern, prefix: [Tensor]) throws -> Tensor {
    let (keys, values) = try prefix.leading(key(x).splitHeads(heads), value(x).splitHeads(heads))
    let mixed = try core(query(x).splitHeads(heads), keys, values, pattern)
    let attended = try attentionNorm(dropout(mix(mixed)) + x)
    return try outputNorm(dropout(outer(activation(inner(attended)))) + attended)
  }
}

extension Int {
  /// - Throws: `TorchError` (`shape`) for a sequence that is longer than this.
  func checkLength(_ length: Int) throws {
    guard length <= self else {
      throw TorchError(.shape, "a sequence of \(length) tokens; the model takes at most \(self)")
    }
  }
}
