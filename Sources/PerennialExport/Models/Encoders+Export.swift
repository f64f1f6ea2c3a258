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
