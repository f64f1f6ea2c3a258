import Perennial
import Torch

/// The T5 encoder-decoder (Raffel et al. 2020), with the parameter names of `transformers`'
/// `T5ForConditionalGeneration`.
///
/// Taps are `encoder.embeddings`, `encoder.layers.0` …, `encoder.attentions.0` …, `encoder.hidden`, the same of the
/// decoder, and `decoder.crossAttentions.0` …; `decoder.hidden` is what the output layer takes.
public final class T5: Module, PublishedModel, TextEncoder, TokenOutputs, Promptable, Recomputing {
  public static let modelTypes = ["t5"]
  public let configuration: T5Configuration
  public let taps: [Tap]
  /// Whether training steps keep the inputs of blocks alone and run them again in the backward pass.
  public var recomputesBlocks = false
  /// What stands in front of sources; targets have nothing in front.
  public var promptSource: (any PromptSource)?

  let shared: Embedding
  package let encoder: T5Stack
  package let decoder: T5Stack
  private let head: Linear?
  private let masks: Generator

  /// A model with fresh weights, drawn as `transformers` draws them.
  public init(_ configuration: T5Configuration, _ generator: Generator, dropout masks: Generator) throws {
    let c = configuration
    self.configuration = c
    self.masks = masks
    shared = try .normal(c.vocabularySize, c.width, deviation: c.initializerFactor, generator)
    encoder = try T5Stack(c, part: "encoder", layers: c.layers, generator, masks)
    decoder = try T5Stack(c, part: "decoder", layers: c.decoderLayers, generator, masks)
    head =
      c.isTied
      ? nil : try .normal(c.width, c.vocabularySize, bias: false, deviation: c.initializerFactor, generator)
    taps = encoder.taps + decoder.taps
    super.init()
    register("shared", shared)
    register("encoder", encoder)
    register("decoder", decoder)
    if let head { register("lm_head", head) }
  }

  public var width: Int { configuration.width }
  public var vocabularySize: Int { configuration.vocabularySize }
  public var paddingToken: Int? { configuration.paddingToken }
  public var endTokens: [Int] { configuration.endTokens }
  /// The output layer's weight `[V, D]`, the token embeddings' where they are tied.
  public var outputWeight: Parameter { head?.weight ?? shared.weight }

  public var promptShape: PromptShape {
    let c = configuration
    return PromptShape(width: c.width, layers: c.layers, groups: c.heads, headWidth: c.headWidth)
  }

  public var tokenTable: Parameter { shared.weight }
  public var takesPrefixes: Bool { false }
  public var peftTask: String { "SEQ_2_SEQ_LM" }

  /// The encoder's output `[N, S, D]`.
  public func hiddenStates(_ source: TokenBatch) throws -> Tensor {
    let (hidden, lead) = try promptedStates(source)
    return lead > 0 ? try hidden.narrow(dim: 1, start: lead, count: source.length) : hidden
  }

  public func promptedStates(_ source: TokenBatch) throws -> (hidden: Tensor, lead: Int) {
    let encoded = try encode(source)
    return (encoded.states, encoded.places.length - source.length)
  }

  /// The encoder's output `[N, P + S, D]` as the decoder looks at it, that of a prompt in front, and the places it is of.
  ///
  /// - Throws: `TorchError` (`unsupported`) for a prompt in front of rows that hold several texts.
  public func encode(_ source: TokenBatch) throws -> (states: Tensor, places: TokenBatch) {
    let stack = encoder
    let prompted = try PromptedBatch(source, promptSource)
    let places = prompted.whole
    var x = stack.embedded(try stack.dropout(prompted.joined(shared(source.ids))))
    let bias = try stack.bias(queries: places.length, keys: places.length)
    let plain = try places.pattern(isCausal: false)
    for block in stack.blocks {
      x = block.output(
        try run(block, [x, bias], dropout: masks, heard: block.attentionTaps) {
          try block($0[0], plain.adding($0[1]))
        })
    }
    return (stack.hidden(try stack.dropout(stack.norm(x))), places)
  }

  /// The decoder's output `[N, L, D]`, as the output layer takes it.
  ///
  /// - Parameters:
  ///   - target: The start token and what follows it.
  ///   - encoded: The encoder's output `[N, S, D]`, and the `source` that it is of, as `encode` gives them.
  public func decoded(_ target: TokenBatch, encoded: Tensor, source: TokenBatch) throws -> Tensor {
    let cross = try source.crossPattern(target)
    let plain = try target.pattern(isCausal: true).expanded(target.length, target.length, encoded.device)
    let bias = try decoder.bias(queries: target.length, keys: target.length)
    return try decoded(target) { _, block, x in
      try run(block, [x, bias, encoded], dropout: masks, heard: block.attentionTaps) {
        try block(
          $0[0], plain.adding($0[1]), others: block.cross?.keysAndValues($0[2]), crossPattern: cross)
      }
    }
  }

  /// The decoder's output `[N, L, D]` for a target that goes on where `decoding` has arrived, which takes it in.
  package func decoded(_ target: TokenBatch, decoding: EncodedSource) throws -> Tensor {
    let places = decoding.cache.length + target.length
    let bias = try decoding.bias(target.length) { try decoder.bias(queries: $0, keys: $1, start: $2) }
    let pattern = try CausalView(target, cache: decoding.cache).pattern
      .expanded(target.length, places, bias.device).adding(bias)
    let output = try decoded(target) { index, block, x in
      try block(
        x, pattern, join: { try decoding.cache.join(index, $0, $1) }, others: decoding.others[index],
        crossPattern: decoding.pattern)
    }
    try decoding.cache.advance(by: target)
    return output
  }

  private func decoded(_ target: TokenBatch, through: (Int, T5Block, Tensor) throws -> Tensor) throws
    -> Tensor
  {
    let stack = decoder
    var x = stack.embedded(try stack.dropout(shared(target.ids)))
    for (index, block) in stack.blocks.enumerated() { x = block.output(try through(index, block, x)) }
    let output = try stack.dropout(stack.norm(x))
    return stack.hidden(
      configuration.scalesOutput ? try output * (1 / Double(configuration.width).squareRoot()) : output)
  }

  /// Scores of the next token `[…, V]` for the decoder's output `[…, D]`.
  public func logits(_ hidden: Tensor) throws -> Tensor { try head?(hidden) ?? shared.scores(hidden) }

  /// Scores of the target's next tokens `[N, L, V]`.
  ///
  /// - Parameter target: The target behind the start token: `shifted` makes it of labels.
  public func callAsFunction(_ source: TokenBatch, target: TokenBatch) throws -> Tensor {
    let (states, places) = try encode(source)
    return try logits(decoded(target, encoded: states, source: places))
  }

  /// Labels int64 `[N, L]` behind the start token and without their last place; −100 becomes padding.
  public func shifted(_ labels: Tensor) throws -> Tensor {
    let start = try Tensor.full(
      [labels.shape[0], 1], configuration.startToken, dtype: .int64, device: labels.device)
    let before = try labels.narrow(dim: 1, start: 0, count: Swift.max(labels.shape[1] - 1, 0))
    return try Tensor.concatenate([start, before.maskedFill(before .== -100, paddingToken ?? 0)], dim: 1)
  }

  public static func names(_ configuration: T5Configuration) -> CheckpointNames {
    var tied = [
      "encoder.embed_tokens.weight": "shared.weight", "decoder.embed_tokens.weight": "shared.weight",
    ]
    if configuration.isTied { tied["lm_head.weight"] = "shared.weight" }
    return CheckpointNames(
      computed: ["layer.1.EncDecAttention.relative_attention_bias.weight"], tied: tied)
  }

  /// Whether the output layer is tied is for the file to say: `transformers` 5 writes that it is either way.
  public static func fit(
    _ configuration: T5Configuration, to paths: Set<String>, untied: Set<String>
  ) -> T5Configuration? {
    guard untied.contains("lm_head.weight") else { return nil }
    var fitted = configuration
    fitted.isTied = false
    return fitted
  }
}
