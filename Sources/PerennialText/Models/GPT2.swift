import Perennial
import Torch

/// The GPT-2 decoder (Radford et al. 2019), with the parameter names of `transformers`' `GPT2LMHeadModel`.
///
/// Weights that files store transposed (`Conv1D`) are linear layers `[out, in]` here; files keep their layout.
/// Taps are `embeddings`, `layers.0` … (what each block gives, `[N, L, D]`), `attentions.0` … (its probabilities
/// `[N, heads, L, S]`; `attentions.0.scores` before the softmax, `attentions.0.values` what they weigh) and `hidden`, what the output
/// layer takes.
public final class GPT2: Module, PublishedModel, CausalLanguageModel, Recomputing {
  public static let modelTypes = ["gpt2"]
  public let configuration: GPT2Configuration
  public let taps: [Tap]
  /// Whether training steps keep the inputs of blocks alone and run them again in the backward pass.
  public var recomputesBlocks = false
  public var promptSource: (any PromptSource)?

  private let tokens: Embedding
  private let places: Embedding
  private let dropout: Dropout
  package let blocks: [GPT2Block]
  private let norm: LayerNorm
  private let head: Linear?
  private let embedded = Tap("embeddings")
  private let hidden = Tap("hidden")
  private let masks: Generator

  /// A model with fresh weights, drawn as `transformers` draws them.
  public init(_ configuration: GPT2Configuration, _ generator: Generator, dropout masks: Generator) throws {
    let c = configuration
    guard c.heads > 0, c.width % c.heads == 0 else {
      throw TorchError(.shape, "a width of \(c.width) does not divide into \(c.heads) heads")
    }
    self.configuration = c
    self.masks = masks
    tokens = try .normal(c.vocabularySize, c.width, deviation: c.initializerRange, generator)
    places = try .normal(c.maximumLength, c.width, deviation: c.initializerRange, generator)
    dropout = Dropout(c.embeddingDropout, masks)
    blocks = try (0..<c.layers).map { try GPT2Block(c, index: $0, generator, masks) }
    norm = try LayerNorm([c.width], epsilon: c.normalizationEpsilon)
    head =
      c.isTied
      ? nil
      : try .normal(c.width, c.vocabularySize, bias: false, deviation: c.initializerRange, generator)
    taps = [embedded] + blocks.flatMap { [$0.output] + $0.core.taps + [$0.feedForward] } + [hidden]
    super.init()
    register("transformer.wte", tokens)
    register("transformer.wpe", places)
    register("transformer.drop", dropout)
    for (index, block) in blocks.enumerated() { register("transformer.h.\(index)", block) }
    register("transformer.ln_f", norm)
    if let head { register("lm_head", head) }
  }

  public var outputWeight: Parameter { head?.weight ?? tokens.weight }

  public func hiddenStates(_ batch: TokenBatch, cache: KeyValueCache?) throws -> Tensor {
    let prompted = try PromptedBatch(batch, promptSource, after: cache)
    let view = try prompted.view(cache)
    try configuration.maximumLength.checkLength(view.end)
    let positions =
      try view.positions.map { try places($0) } ?? places.weight.value[view.start..<view.end]
    var x = embedded(try dropout(prompted.joined(tokens(batch.ids)) + positions))
    for (index, block) in blocks.enumerated() {
      let taps = block.core.taps + [block.feedForward]
      x = block.output(
        try run(block, [x] + prompted.prefix(index), dropout: masks, heard: taps) {
          try block($0[0], view, cache, index, prefix: Array($0.dropFirst()))
        })
    }
    try cache?.advance(by: prompted.whole)
    return hidden(try prompted.tokens(norm(x)))
  }

  public func logits(_ hidden: Tensor) throws -> Tensor { try head?(hidden) ?? tokens.scores(hidden) }

  public var promptShape: PromptShape {
    let c = configuration
    return PromptShape(width: c.width, layers: c.layers, groups: c.heads, headWidth: c.width / c.heads)
  }

  public var tokenTable: Parameter { tokens.weight }

  public func makeCache(rows: Int, capacity: Int) throws -> KeyValueCache {
    let c = configuration
    return try KeyValueCache(
      layers: c.layers, rows: rows, groups: c.heads, capacity: capacity, width: c.width / c.heads,
      device: tokens.weight.value.device)
  }

  public static func names(_ configuration: GPT2Configuration) -> CheckpointNames {
    CheckpointNames(
      prefix: "transformer.", own: ["lm_head."], computed: [".attn.bias", ".attn.masked_bias"],
      tied: configuration.isTied ? ["lm_head.weight": "transformer.wte.weight"] : [:],
      transposed: ["attn.c_attn.weight", "attn.c_proj.weight", "mlp.c_fc.weight", "mlp.c_proj.weight"])
  }
}

/// Attention and a two-layer perceptron, each on its normalised input and added to it.
package final class GPT2Block: Module, TransformerBlock {
  package var attentionOutput: any AdaptableLayer { mix }
  package var perceptronOutput: any AdaptableLayer { outer }
  package let core: AttentionCore
  let output: Tap
  /// What the perceptron reads.
  let feedForward: Tap
  private let attention, mix, inner, outer: Linear
  private let attentionNorm, innerNorm: LayerNorm
  private let dropout: Dropout
  package let heads: Int
  package let activation: ActivationName

  init(_ c: GPT2Configuration, index: Int, _ generator: Generator, _ masks: Generator) throws {
    let innerWidth = c.innerWidth ?? 4 * c.width
    let residual = c.scalesResidualInitialization ? Double(2 * c.layers).squareRoot() : 1
    func linear(_ inputs: Int, _ outputs: Int, dividedBy factor: Double = 1) throws -> Linear {
      try .normal(inputs, outputs, deviation: c.initializerRange / factor, generator)
    }
    attention = try linear(c.width, 3 * c.width)
    mix = try linear(c.width, c.width, dividedBy: residual)
    inner = try linear(c.width, innerWidth)
    outer = try linear(innerWidth, c.width, dividedBy: residual)
    attentionNorm = try LayerNorm([c.width], epsilon: c.normalizationEpsilon)
    innerNorm = try LayerNorm([c.width], epsilon: c.normalizationEpsilon)
    dropout = Dropout(c.residualDropout, masks)
    core = AttentionCore(
      "attentions.\(index)", scale: c.scalesAttention ? 1 / Double(c.width / c.heads).squareRoot() : 1,
      dropout: Dropout(c.attentionDropout, masks))
    output = Tap("layers.\(index)")
    feedForward = Tap("feed-forwards.\(index)")
    heads = c.heads
    activation = c.activation
    super.init()
    register("ln_1", attentionNorm)
    register("attn.c_attn", attention)
    register("attn.c_proj", mix)
    register("attn", core)
    register("ln_2", innerNorm)
    register("mlp.c_fc", inner)
    register("mlp.c_proj", outer)
    register("dropout", dropout)
  }

  func callAsFunction(
    _ x: Tensor, _ view: CausalView, _ cache: KeyValueCache?, _ index: Int, prefix: [Tensor]
  ) throws -> Tensor {
    let parts = try attention(attentionNorm(x)).chunk(3, dim: -1).map { try $0.splitHeads(heads) }
    let new = try prefix.leading(parts[1], parts[2])
    let (keys, values) = try cache?.join(index, new.keys, new.values) ?? new
    let attended = try x + dropout(mix(core(parts[0], keys, values, view.pattern)))
    return try attended + dropout(outer(activation(inner(feedForward(innerNorm(attended))))))
  }
}
