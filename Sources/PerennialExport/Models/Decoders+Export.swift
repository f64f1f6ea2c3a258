import PerennialText
import Torch

/// A model that reads from left to right, and says what it computes as nodes of a graph.
public protocol ExportableDecoder: CausalLanguageModel {
  var cacheSizes: CacheSizes { get }

  /// Adds nodes to `graph` and gives the vectors `[N, L, D]` that the output layer takes.
  ///
  /// - Parameter cache: joins the keys and values `[N, groups, L, d]` of a layer's new tokens with those before.
  func emit(into graph: GraphBuilder, _ tokens: TokenValues, cache: GraphCache?) throws -> GraphValue
}

extension ExportableDecoder {
  /// Scores of the next token `[N, L, V]` for vectors `[N, L, D]`.
  func emitScores(into graph: GraphBuilder, _ hidden: GraphValue) throws -> GraphValue {
    if let head = child("lm_head") { return try graph.emit(head, hidden) }
    return graph.matmul(hidden, graph.transpose(try graph.constant(outputWeight), [1, 0]))
  }
}

extension GPT2: ExportableDecoder {
  public var cacheSizes: CacheSizes {
    (configuration.layers, configuration.heads, configuration.width / configuration.heads)
  }

  public func emit(into graph: GraphBuilder, _ tokens: TokenValues, cache: GraphCache?) throws -> GraphValue {
    let places = try graph.emit("transformer.wpe", of: self, graph.newPlaces(tokens))
    var x = graph.add(try graph.emit("transformer.wte", of: self, tokens.ids), places)
    let bias = try graph.attentionBias(tokens, isCausal: true)
    for block in blocks { x = try block.emit(into: graph, x, bias, cache, configuration) }
    return try graph.emit("transformer.ln_f", of: self, x)
  }
}

extension GPT2Block {
  fileprivate func emit(
    into graph: GraphBuilder, _ x: GraphValue, _ bias: GraphValue, _ cache: GraphCache?,
    _ configuration: GPT2Configuration
  ) throws -> GraphValue {
    let width = configuration.width / heads
    let all = try graph.emit("attn.c_attn", of: self, graph.emit("ln_1", of: self, x))
    let parts = try graph.split(all, [Int](repeating: configuration.width, count: 3), axis: 2).map {
      try graph.splitHeads($0, heads, width: width)
    }
    let (keys, values) = cache?.join(parts[1], parts[2]) ?? (parts[1], parts[2])
    let mixed = try graph.attention(
      core, parts[0], keys, values, bias: bias, heads: heads, groups: heads, width: width)
    let attended = graph.add(x, try graph.emit("attn.c_proj", of: self, mixed))
    let normed = try graph.emit("ln_2", of: self, attended)
    let inner = try graph.activation(activation, graph.emit("mlp.c_fc", of: self, normed))
    return graph.add(attended, try graph.emit("mlp.c_proj", of: self, inner))
  }
}

extension Llama: ExportableDecoder {
  public var cacheSizes: CacheSizes {
    let c = configuration
    return (c.layers, c.keyHeads, c.headWidth ?? c.width / c.heads)
  }

  public func emit(into graph: GraphBuilder, _ tokens: TokenValues, cache: GraphCache?) throws -> GraphValue {
    var x = try graph.emit("model.embed_tokens", of: self, tokens.ids)
    let rotation = try GraphRotation(graph, self, places: graph.newPlaces(tokens))
    let bias = try graph.attentionBias(tokens, isCausal: true)
    for block in blocks {
      x = try block.emit(into: graph, x, rotation, bias, cache, width: cacheSizes.width)
    }
    return try graph.emit("model.norm", of: self, x)
  }
}

/// The factors of rotary embeddings for the places of new tokens, `[N, 1, L, d]`.
private struct GraphRotation {
  let graph: GraphBuilder
  let cosines: GraphValue
  let sines: GraphValue
  let half: Int

  /// - Parameter places: int64 `[N, L]`
  init(_ graph: GraphBuilder, _ model: Llama, places: GraphValue) throws {
    let (c, width) = (model.configuration, model.cacheSizes.width)
    let frequencies = c.rotaryScaling.frequencies(theta: c.rotaryTheta, width: width)
    let angles = graph.multiply(
      try graph.unsqueeze(graph.cast(places, to: .float32), [1, 3]), try graph.constant(Tensor(frequencies)))
    let both = graph.concatenate([angles, angles], axis: 3)
    (self.graph, half) = (graph, width / 2)
    (cosines, sines) = (graph.node("Cos", both), graph.node("Sin", both))
  }

  /// Turns `[N, heads, L, d]`.
  func callAsFunction(_ x: GraphValue) throws -> GraphValue {
    let parts = try graph.split(x, [half, half], axis: 3)
    let turned = graph.concatenate([graph.node("Neg", parts[1]), parts[0]], axis: 3)
    return graph.add(graph.multiply(x, cosines), graph.multiply(turned, sines))
  }
}

extension LlamaBlock {
  fileprivate func emit(
    into graph: GraphBuilder, _ x: GraphValue, _ rotation: GraphRotation, _ bias: GraphValue,
    _ cache: GraphCache?, width: Int
  ) throws -> GraphValue {
    let normed = try graph.emit("input_layernorm", of: self, x)
    func part(_ name: String, _ heads: Int) throws -> GraphValue {
      try graph.splitHeads(graph.emit("self_attn.\(name)_proj", of: self, normed), heads, width: width)
    }
    let queries = try rotation(part("q", heads))
    let (newKeys, newValues) = (try rotation(part("k", keyHeads)), try part("v", keyHeads))
    let (keys, values) = cache?.join(newKeys, newValues) ?? (newKeys, newValues)
    let mixed = try graph.attention(
      core, queries, keys, values, bias: bias, heads: heads, groups: keyHeads, width: width)
    let attended = graph.add(x, try graph.emit("self_attn.o_proj", of: self, mixed))
    let inner = try graph.emit("post_attention_layernorm", of: self, attended)
    let gate = try graph.activation(activation, graph.emit("mlp.gate_proj", of: self, inner))
    let gated = graph.multiply(gate, try graph.emit("mlp.up_proj", of: self, inner))
    return graph.add(attended, try graph.emit("mlp.down_proj", of: self, gated))
  }
}
