import PerennialText
import Torch

/// A model that gives every token of a text a vector, and says so as nodes of a graph.
public protocol ExportableEncoder: TextEncoder {
  /// Adds nodes to `graph` and gives the vectors `[N, L, D]` of tokens.
  func emit(into graph: GraphBuilder, _ tokens: TokenValues) throws -> GraphValue
}

extension BERT: ExportableEncoder {
  public func emit(into graph: GraphBuilder, _ tokens: TokenValues) throws -> GraphValue {
    let words = try graph.emit("embeddings.word_embeddings", of: self, tokens.ids)
    let places = try graph.emit("embeddings.position_embeddings", of: self, graph.places(tokens))
    let types = try graph.child("embeddings.token_type_embeddings", of: self, as: Embedding.self)
    let type = try graph.constant(types.weight.value[0], of: types, "first")
    var x = try graph.emit("embeddings.LayerNorm", of: self, graph.add(graph.add(words, places), type))
    let bias = try graph.attentionBias(tokens, isCausal: false)
    for layer in layers { x = try layer.emit(into: graph, x, bias, width: configuration.width / layer.heads) }
    return x
  }
}

extension BERTLayer {
  fileprivate func emit(into graph: GraphBuilder, _ x: GraphValue, _ bias: GraphValue, width: Int) throws
    -> GraphValue
  {
    let parts = try ["query", "key", "value"].map {
      try graph.splitHeads(graph.emit("attention.self.\($0)", of: self, x), heads, width: width)
    }
    let mixed = try graph.attention(
      core, parts[0], parts[1], parts[2], bias: bias, heads: heads, groups: heads, width: width)
    let attended = try graph.emit(
      "attention.output.LayerNorm", of: self,
      graph.add(graph.emit("attention.output.dense", of: self, mixed), x))
    let inner = try graph.activation(activation, graph.emit("intermediate.dense", of: self, attended))
    return try graph.emit(
      "output.LayerNorm", of: self, graph.add(graph.emit("output.dense", of: self, inner), attended))
  }
}

/// The encoder alone: what reads the source of a translation.
extension T5: ExportableEncoder {
  public func emit(into graph: GraphBuilder, _ tokens: TokenValues) throws -> GraphValue {
    var x = try graph.emit("shared", of: self, tokens.ids)
    let bias = graph.add(
      try encoder.relativeBias(into: graph, length: graph.size(tokens.ids, 1)),
      try graph.attentionBias(tokens, isCausal: false))
    for block in encoder.blocks {
      x = try block.emit(into: graph, x, bias, width: configuration.headWidth)
    }
    return try graph.emit("final_layer_norm", of: encoder, x)
  }
}

extension T5Stack {
  /// The biases `[1, heads, L, L]` that all blocks share, looked up by distance: far distances share a bucket, so that a
  /// table up to the farthest that has one of its own is enough for any length.
  fileprivate func relativeBias(into graph: GraphBuilder, length: GraphValue) throws -> GraphValue {
    guard let bias = blocks.first?.attention.bias else {
      throw ExportError.part(path: graph.path(of: self), name: "relative_attention_bias")
    }
    let farthest = bias.maximumDistance
    let table = try noGrad {
      try bias(queries: 1, keys: 2 * farthest + 1, start: farthest).squeeze(2).squeeze(0).T
    }
    let places = try graph.node("Range", graph.integer(0), length, graph.integer(1))
    let distance = graph.subtract(try graph.unsqueeze(places, [0]), try graph.unsqueeze(places, [1]))
    let near = graph.node(
      "Min", graph.node("Max", distance, try graph.integer(-farthest)), try graph.integer(farthest))
    let row = graph.add(near, try graph.integer(farthest))
    let values = graph.node(
      "Gather", try graph.constant(table, of: bias, "by_distance"), row, attributes: ["axis": .integer(0)])
    return try graph.unsqueeze(graph.transpose(values, [2, 0, 1]), [0])
  }
}

extension T5Block {
  fileprivate func emit(into graph: GraphBuilder, _ x: GraphValue, _ bias: GraphValue, width: Int) throws
    -> GraphValue
  {
    let normed = try graph.emit("layer.0.layer_norm", of: self, x)
    let heads = attention.heads
    let parts = try ["q", "k", "v"].map {
      try graph.splitHeads(graph.emit($0, of: attention, normed), heads, width: width)
    }
    let mixed = try graph.attention(
      attention.core, parts[0], parts[1], parts[2], bias: bias, heads: heads, groups: heads, width: width)
    let attended = graph.add(x, try graph.emit("o", of: attention, mixed))
    let inner = try graph.emit("layer.1.layer_norm", of: self, attended)
    return graph.add(attended, try graph.emit("layer.1.DenseReluDense", of: self, inner))
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
