import Perennial
import Torch

/// The decoder of Llama (Touvron et al. 2023) and Qwen2 (Yang et al. 2024), with the parameter names of
/// `transformers`' `LlamaForCausalLM`.
///
/// Taps are `embeddings`, `layers.0` … (what each block gives, `[N, L, D]`), `attentions.0` … (its probabilities
/// `[N, heads, L, S]`; `attentions.0.scores` before the softmax, `attentions.0.values` what they weigh) and `hidden`, what the output
/// layer takes.
public final class Llama: Module, PublishedModel, CausalLanguageModel, Recomputing {
  public static let modelTypes = LlamaConfiguration.Family.allCases.map(\.rawValue)
  public let configuration: LlamaConfiguration
  public let taps: [Tap]
  /// Whether training steps keep the inputs of blocks alone and run them again in the backward pass.
  public var recomputesBlocks = false
  public var promptSource: (any PromptSource)?

  private let tokens: Embedding
  package let blocks: [LlamaBlock]
  private let norm: RMSNorm
  private let head: Linear?
  private let rotary: RotaryEmbedding
  private let embedded = Tap("embeddings")
  private let hidden = Tap("hidden")
  private let masks: Generator

  /// A model with fresh weights, drawn as `transformers` draws them.
  public init(_ configuration: LlamaConfiguration, _ generator: Generator, dropout masks: Generator) throws {
    let c = configuration
    guard c.heads > 0, c.keyHeads > 0, c.heads % c.keyHeads == 0, c.headWidth != nil || c.width % c.heads == 0
    else {
      throw TorchError(
        .shape, "a width of \(c.width) does not divide into \(c.heads) heads and \(c.keyHeads) groups")
    }
    self.configuration = c
    self.masks = masks
    let deviation = c.initializerRange
    tokens = try .normal(c.vocabularySize, c.width, padding: c.paddingToken, deviation: deviation, generator)
    blocks = try (0..<c.layers).map { try LlamaBlock(c, index: $0, generator, masks) }
    norm = try RMSNorm(c.width, epsilon: c.normalizationEpsilon)
    head =
      c.isTied ? nil : try .normal(c.width, c.vocabularySize, bias: false, deviation: deviation, generator)
    rotary = RotaryEmbedding(
      c.rotaryScaling, theta: c.rotaryTheta, width: c.headWidth ?? c.width / c.heads)
    taps = [embedded] + blocks.flatMap { [$0.output] + $0.core.taps + [$0.feedForward] } + [hidden]
    super.init()
    register("model.embed_tokens", tokens)
    for (index, block) in blocks.enumerated() { register("model.layers.\(index)", block) }
    register("model.norm", norm)
    if let head { register("lm_head", head) }
  }

  public var outputWeight: Parameter { head?.weight ?? tokens.weight }

  public func hiddenStates(_ batch: TokenBatch, cache: KeyValueCache?) throws -> Tensor {
    let prompted = try PromptedBatch(batch, promptSource, after: cache)
    let view = try prompted.view(cache)
    try configuration.maximumLength.checkLength(view.end)
    let rotation = try rotary.rotation(
      view.positions, start: view.start, length: view.end - view.start, device: batch.ids.device)
    var x = embedded(try prompted.joined(tokens(batch.ids)))
    for (index, block) in blocks.enumerated() {
      let taps = block.core.taps + [block.feedForward]
      x = block.output(
        try run(block, [x] + prompted.prefix(index), dropout: masks, heard: taps) {
          try block($0[0], rotation, view.pattern, cache, index, prefix: Array($0.dropFirst()))
        })
    }
    try cache?.advance(by: prompted.whole)
    return hidden(try prompted.tokens(norm(x)))
  }

  public func logits(_ hidden: Tensor) throws -> Tensor { try head?(hidden) ?? tokens.scores(hidden) }

  public var promptShape: PromptShape {
    let c = configuration
    return PromptShape(
      width: c.width, layers: c.layers, groups: c.keyHeads, headWidth: c.headWidth ?? c.width / c.heads)
  }

  public var tokenTable: Parameter { tokens.weight }

  public func makeCache(rows: Int, capacity: Int) throws -> KeyValueCache {
    let c = configuration
    return try KeyValueCache(
      layers: c.layers, rows: rows, groups: c.keyHeads, capacity: capacity,
      width: c.headWidth ?? c.width / c.heads, device: tokens.weight.value.device)
  }

  public static func names(_ configuration: LlamaConfiguration) -> CheckpointNames {
    CheckpointNames(
      prefix: "model.", own: ["lm_head."], computed: ["rotary_emb.inv_freq"],
      tied: configuration.isTied ? ["lm_head.weight": "model.embed_tokens.weight"] : [:])
  }
}

/// Grouped-query attention and a gated perceptron, each on its normalised input and added to it.
package final class LlamaBlock: Module, TransformerBlock {
  package var attentionOutput: any AdaptableLayer { mix }
  package var perceptronOutput: any AdaptableLayer { down }
  package let core: AttentionCore
  let output: Tap
  /// What the perceptron reads.
  let feedForward: Tap
  private let query, key, value, mix, gate, up, down: Linear
  private let attentionNorm, innerNorm: RMSNorm
  package let heads, keyHeads: Int
  package let activation: ActivationName

  init(_ c: LlamaConfiguration, index: Int, _ generator: Generator, _ masks: Generator) throws {
    func linear(_ inputs: Int, _ outputs: Int, _ bias: Bool) throws -> Linear {
      try .normal(inputs, outputs, bias: bias, deviation: c.initializerRange, generator)
    }
    let width = c.headWidth ?? c.width / c.heads
    let hasBias = c.family == .qwen2 || c.hasAttentionBias
    query = try linear(c.width, c.heads * width, hasBias)
    key = try linear(c.width, c.keyHeads * width, hasBias)
    value = try linear(c.width, c.keyHeads * width, hasBias)
    mix = try linear(c.heads * width, c.width, c.family == .llama && c.hasAttentionBias)
    gate = try linear(c.width, c.innerWidth, c.hasInnerBias)
    up = try linear(c.width, c.innerWidth, c.hasInnerBias)
    down = try linear(c.innerWidth, c.width, c.hasInnerBias)
    attentionNorm = try RMSNorm(c.width, epsilon: c.normalizationEpsilon)
    innerNorm = try RMSNorm(c.width, epsilon: c.normalizationEpsilon)
    core = AttentionCore(
      "attentions.\(index)", scale: 1 / Double(width).squareRoot(),
      dropout: Dropout(c.attentionDropout, masks))
    output = Tap("layers.\(index)")
    feedForward = Tap("feed-forwards.\(index)")
    (heads, keyHeads, activation) = (c.heads, c.keyHeads, c.activation)
    super.init()
    register("self_attn.q_proj", query)
    register("self_attn.k_proj", key)
    register("self_attn.v_proj", value)
    register("self_attn.o_proj", mix)
    register("self_attn", core)
    register("mlp.gate_proj", gate)
    register("mlp.up_proj", up)
    register("mlp.down_proj", down)
    register("input_layernorm", attentionNorm)
    register("post_attention_layernorm", innerNorm)
  }

  func callAsFunction(
    _ x: Tensor, _ rotation: RotaryEmbedding.Rotation, _ pattern: AttentionPattern, _ cache: KeyValueCache?,
    _ index: Int, prefix: [Tensor]
  ) throws -> Tensor {
    let normed = try attentionNorm(x)
    let queries = try rotation(query(normed).splitHeads(heads))
    let newKeys = try rotation(key(normed).splitHeads(keyHeads))
    let newValues = try value(normed).splitHeads(keyHeads)
    let new = try prefix.leading(newKeys, newValues)
    let (keys, values) = try cache?.join(index, new.keys, new.values) ?? new
    let attended = try x + mix(core(queries, keys, values, pattern))
    let inner = feedForward(try innerNorm(attended))
    return try attended + down(activation(gate(inner)) * up(inner))
  }
}
