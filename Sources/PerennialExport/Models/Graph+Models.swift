import Foundation
import Perennial
import PerennialLife
import PerennialText
import Torch

/// What the first value of an exported model holds.
public enum GraphInput {
  /// Images as they are read, uint8 `[N, C, H, W]`; the pipeline's normalisation becomes part of the graph.
  case pixels(shape: [Int], InputPipeline)
  /// Numbers as the model takes them, float32 `[N] + shape`.
  case numbers(shape: [Int])
}

extension Graph {
  /// The names that exported graphs give what goes in and comes out.
  enum Name {
    static let image = "image"
    static let features = "features"
    static let ids = "input_ids"
    static let mask = "attention_mask"
    static let logits = "logits"
    static let embedding = "sentence_embedding"
    static let hidden = "last_hidden_state"
    static let labels = "labels"
    static let batch = Axis.named("batch")
    static let length = Axis.named("sequence")
    static let past = Axis.named("past_sequence")
    static let total = Axis.named("total_sequence")
  }

  /// A network on images or rows of numbers: `image` or `features` to `logits` `[N, K]`.
  ///
  /// - Parameters:
  ///   - labels: the names of the outputs, kept in the metadata as a JSON list.
  ///   - merged: which outputs are one label by now.
  /// - Throws: ``ExportError`` with the path of a part that cannot be exported.
  public init(
    _ network: Network, input: GraphInput, labels: [String]? = nil, merged: MergedOutputs? = nil
  ) throws {
    let builder = GraphBuilder("\(type(of: network.backbone))", of: network)
    let value: GraphValue
    switch input {
    case .pixels(let shape, let pipeline):
      let image = builder.input(Name.image, .uint8, [Name.batch] + shape.map(Axis.size))
      let sizes = [pipeline.scale.count] + shape.dropFirst().map { _ in 1 }
      let scaled = builder.multiply(
        builder.cast(image, to: .float32), try builder.constant(pipeline.scale.reshape(sizes)))
      value = builder.add(scaled, try builder.constant(pipeline.shift.reshape(sizes)))
    case .numbers(let shape):
      value = builder.input(Name.features, .float32, [Name.batch] + shape.map(Axis.size))
    }
    let features = try builder.emit(network.backbone, value)
    try builder.finish(with: network.head, features, labels, merged)
    self = builder.graph
  }

  /// A network on texts: `input_ids` and `attention_mask` to `logits` `[N, K]`.
  ///
  /// - Throws: ``ExportError`` with the path of a part that cannot be exported.
  public init(
    _ encoder: SentenceEncoder, head: any Head, of network: Network, labels: [String]? = nil,
    merged: MergedOutputs? = nil
  ) throws {
    let builder = GraphBuilder("\(type(of: encoder.encoder))", of: network)
    let tokens = builder.tokens(length: Name.length)
    let hidden = try builder.emit(encoder.encoder, tokens)
    try builder.finish(with: head, builder.pooled(hidden, tokens, encoder.pooling), labels, merged)
    self = builder.graph
  }

  /// A sentence encoder: `input_ids` and `attention_mask` to `last_hidden_state` `[N, L, D]` and `sentence_embedding`
  /// `[N, D]`.
  ///
  /// - Throws: ``ExportError`` with the path of a part that cannot be exported.
  public init(_ encoder: SentenceEncoder) throws {
    let builder = GraphBuilder("\(type(of: encoder.encoder))", of: encoder)
    let tokens = builder.tokens(length: Name.length)
    let hidden = try builder.emit(encoder.encoder, tokens)
    let width = Axis.size(encoder.featureCount)
    builder.output(hidden, Name.hidden, .float32, [Name.batch, Name.length, width])
    builder.output(
      try builder.pooled(hidden, tokens, encoder.pooling), Name.embedding, .float32, [Name.batch, width])
    self = builder.graph
  }

  /// A language model: `input_ids` and `attention_mask` to `logits` `[N, L, V]`.
  ///
  /// - Parameter hasCache: whether keys and values of P earlier tokens come in as `past_key_values.0.key` …
  ///   `[N, groups, P, d]`, and go out with the new ones as `present.0.key` …; the mask then has P + L columns.
  /// - Throws: ``ExportError`` with the path of a part that cannot be exported.
  public init(_ model: any CausalLanguageModel, hasCache: Bool = false) throws {
    let builder = GraphBuilder("\(type(of: model))", of: model)
    guard let decoder = model as? any ExportableDecoder else {
      throw ExportError.layer(path: builder.path(of: model), type: "\(type(of: model))")
    }
    try builder.refusePrompts(model)
    let tokens = builder.tokens(length: hasCache ? Name.total : Name.length)
    let sizes = decoder.cacheSizes
    let cache = hasCache ? GraphCache(builder, past: builder.past(sizes, "", Name.past)) : nil
    let hidden = try decoder.emit(into: builder, tokens, cache: cache)
    builder.output(
      try decoder.emitScores(into: builder, hidden), Name.logits, .float32,
      [Name.batch, Name.length, .size(decoder.vocabularySize)])
    if let cache { builder.present(cache.present, sizes, "", Name.total) }
    self = builder.graph
  }
}

extension GraphBuilder {
  /// - Parameter length: the axis of the mask's columns.
  func tokens(length: Graph.Axis) -> TokenValues {
    TokenValues(
      ids: input(Graph.Name.ids, .int64, [Graph.Name.batch, Graph.Name.length]),
      mask: input(Graph.Name.mask, .int64, [Graph.Name.batch, length]))
  }

  fileprivate func emit(_ encoder: any TextEncoder, _ tokens: TokenValues) throws -> GraphValue {
    try refusePrompts(encoder)
    guard let exportable = encoder as? any ExportableEncoder else {
      throw ExportError.layer(path: path(of: encoder), type: "\(type(of: encoder))")
    }
    return try exportable.emit(into: self, tokens)
  }

  /// What stands in front of texts is chosen as they come, and no layer of the model.
  func refusePrompts(_ model: Module) throws {
    guard (model as? any Promptable)?.promptSource != nil else { return }
    throw ExportError.state(path: path(of: model), problem: "prompts stand in front of its texts")
  }

  fileprivate func finish(
    with head: any Head, _ features: GraphValue, _ labels: [String]?, _ merged: MergedOutputs?
  ) throws {
    let own = try emit(head, features)
    let count = merged?.labels.count ?? head.outputs
    output(
      try merged.map { try self.merged(own, $0) } ?? own, Graph.Name.logits, .float32,
      [Graph.Name.batch, .size(count)])
    guard let labels else { return }
    guard labels.count == count else {
      throw ExportError.values("\(labels.count) labels do not name \(count) outputs")
    }
    graph.metadata[Graph.Name.labels] = String(decoding: try JSONEncoder().encode(labels), as: UTF8.self)
  }
}
