import PerennialText
import Torch

/// What a decoder looks at: keys and values `[N, heads, S, d]` for each of its blocks, and where the source has tokens.
struct GraphSource {
  let others: [GraphKeys]
  /// int64 `[N, S]`
  let mask: GraphValue
}

/// The encoder alone: what reads the source of a translation.
extension T5: ExportableEncoder {
  public func emit(into graph: GraphBuilder, _ tokens: TokenValues) throws -> GraphValue {
    var x = try graph.emit("shared", of: self, tokens.ids)
    let bias = graph.add(
      try encoder.relativeBias(into: graph, tokens), try graph.attentionBias(tokens, isCausal: false))
    for block in encoder.blocks { x = try block.emit(into: graph, x, bias) }
    return try graph.emit("final_layer_norm", of: encoder, x)
  }

  /// The keys and values of an encoder's output `[N, S, D]`, for each block of the decoder.
  func emitOthers(into graph: GraphBuilder, _ encoded: GraphValue) throws -> [GraphKeys] {
    try decoder.blocks.map { block in
      guard let cross = block.cross else {
        throw ExportError.part(path: graph.path(of: block), name: "EncDecAttention")
      }
      return try cross.emitKeys(into: graph, encoded)
    }
  }

  /// The scores `[N, L, V]` of what follows each token of a target.
  func emitScores(
    into graph: GraphBuilder, _ target: TokenValues, of source: GraphSource, cache: GraphCache?
  ) throws -> GraphValue {
    var x = try graph.emit("shared", of: self, target.ids)
    let bias = graph.add(
      try decoder.relativeBias(into: graph, target), try graph.attentionBias(target, isCausal: true))
    let seen = try graph.attentionBias(
      TokenValues(ids: source.mask, mask: source.mask), isCausal: false)
    for (block, others) in zip(decoder.blocks, source.others) {
      x = try block.emit(into: graph, x, bias, cache, others: others, seen)
    }
    x = try graph.emit("final_layer_norm", of: decoder, x)
    if configuration.scalesOutput { x = try graph.scale(x, by: 1 / Double(width).squareRoot()) }
    if let head = child("lm_head") { return try graph.emit(head, x) }
    return graph.matmul(x, graph.transpose(try graph.constant(outputWeight), [1, 0]))
  }
}

extension T5Stack {
  /// The biases `[1, heads, L, S]` that all blocks share, looked up by distance: far distances share a bucket, so that a
  /// table up to the farthest that has one of its own is enough for any length.
  fileprivate func relativeBias(into graph: GraphBuilder, _ tokens: TokenValues) throws -> GraphValue {
    guard let bias = blocks.first?.attention.bias else {
      throw ExportError.part(path: graph.path(of: self), name: "relative_attention_bias")
    }
    let farthest = bias.maximumDistance
    let table = try noGrad {
      try bias(queries: 1, keys: 2 * farthest + 1, start: farthest).squeeze(2).squeeze(0).T
    }
    let (asking, keys) = try graph.columns(tokens)
    let distance = graph.subtract(try graph.unsqueeze(keys, [0]), try graph.unsqueeze(asking, [1]))
    let near = graph.node(
      "Min", graph.node("Max", distance, try graph.integer(-farthest)), try graph.integer(farthest))
    let row = graph.add(near, try graph.integer(farthest))
    let values = graph.node(
      "Gather", try graph.constant(table, of: bias, "by_distance"), row, attributes: ["axis": .integer(0)])
    return try graph.unsqueeze(graph.transpose(values, [2, 0, 1]), [0])
  }
}

extension T5Block {
  /// - Parameters:
  ///   - others: what the decoder's block looks at in the source, and `seen`, its bias `[N, 1, 1, S]`.
  fileprivate func emit(
    into graph: GraphBuilder, _ x: GraphValue, _ bias: GraphValue, _ cache: GraphCache? = nil,
    others: GraphKeys? = nil, _ seen: GraphValue? = nil
  ) throws -> GraphValue {
    let normed = try graph.emit("layer.0.layer_norm", of: self, x)
    let own = try attention.emitKeys(into: graph, normed)
    var x = graph.add(
      x, try attention.emit(into: graph, normed, cache?.join(own.keys, own.values) ?? own, bias))
    if let cross, let others, let seen {
      let normed = try graph.emit("layer.1.layer_norm", of: self, x)
      x = graph.add(x, try cross.emit(into: graph, normed, others, seen))
    }
    let last = "layer.\(cross == nil ? 1 : 2)"
    let inner = try graph.emit("\(last).layer_norm", of: self, x)
    return graph.add(x, try graph.emit("\(last).DenseReluDense", of: self, inner))
  }
}

extension T5Attention {
  /// One of its projections, `[N, heads, L, d]`.
  fileprivate func emit(_ name: String, into graph: GraphBuilder, _ x: GraphValue) throws -> GraphValue {
    try graph.splitHeads(graph.emit(name, of: self, x), heads, width: headWidth)
  }

  fileprivate func emitKeys(into graph: GraphBuilder, _ x: GraphValue) throws -> GraphKeys {
    (keys: try emit("k", into: graph, x), values: try emit("v", into: graph, x))
  }

  /// What queries of `x` find among keys and values, mixed.
  fileprivate func emit(
    into graph: GraphBuilder, _ x: GraphValue, _ others: GraphKeys, _ bias: GraphValue
  ) throws -> GraphValue {
    let mixed = try graph.attention(
      core, emit("q", into: graph, x), others.keys, others.values, bias: bias, heads: heads, groups: heads,
      width: headWidth)
    return try graph.emit("o", of: self, mixed)
  }
}

extension T5FeedForward: ExportableLayer {
  package func emit(into graph: GraphBuilder, _ input: GraphValue) throws -> GraphValue {
    let isGated = child("wi_1") != nil
    var inner = try graph.activation(activation, graph.emit(isGated ? "wi_0" : "wi", of: self, input))
    if isGated { inner = graph.multiply(inner, try graph.emit("wi_1", of: self, input)) }
    return try graph.emit("wo", of: self, inner)
  }
}
