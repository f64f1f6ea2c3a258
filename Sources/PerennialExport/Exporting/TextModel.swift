import Foundation
import Perennial
import PerennialText
import Torch

/// A model of texts, its graph, and how both are asked.
struct TextModel {
  let purpose: ExportSubject.Purpose
  let graph: Graph
  let vocabulary: Int
  let padding: Int
  let write: (URL) throws -> Void
  /// What the model answers to inputs of the graph.
  let answer: ([String: Tensor]) throws -> Tensor
  /// Inputs of the graph for texts.
  let inputs: (TokenBatch) throws -> [String: Tensor]

  init(sentenceEncoder folder: ModelFolder, adapter: URL? = nil) throws {
    let encoder = try folder.loadSentenceEncoder()
    if let adapter, let model = encoder.encoder as? any Promptable {
      try AdapterFolder(adapter).apply(to: model)
    }
    guard let bert = encoder.encoder as? BERT else {
      throw ExportError.layer(
        path: folder.url.lastPathComponent, type: "\(Swift.type(of: encoder.encoder))")
    }
    purpose = .embeddings
    graph = try Graph(encoder)
    (vocabulary, padding) = (bert.configuration.vocabularySize, bert.paddingToken ?? 0)
    write = {
      try ModelFolder($0).save(bert)
      try ModelFolder($0).save(encoder.pooling, width: encoder.featureCount)
    }
    answer = { try encoder(ExportSubject.tokens($0)) }
    inputs = ExportSubject.inputs
  }

  init(languageModel folder: ModelFolder, adapter: URL? = nil, hasCache: Bool) throws {
    let model = try folder.loadLanguageModel()
    try adapter.map { try AdapterFolder($0).apply(to: model) }
    purpose = .tokens
    graph = try Graph(model, hasCache: hasCache)
    (vocabulary, padding) = (model.vocabularySize, model.paddingToken ?? 0)
    write = { try model.save(to: $0) }
    answer = { try model(ExportSubject.tokens($0)) }
    let empty = try ExportSubject.emptyCache(graph)
    inputs = { try empty($0.rows).merging(ExportSubject.inputs($0)) { $1 } }
  }

  /// The decoder is asked about texts behind the start token, given the same texts as their source.
  init(_ model: T5, _ half: ExportSubject.Half, hasCache: Bool) throws {
    (vocabulary, padding) = (model.vocabularySize, model.paddingToken ?? 0)
    write = { try ModelFolder($0).save(model) }
    switch half {
    case .encoder:
      purpose = .hidden
      graph = try Graph(encoderOf: model, hasCache: hasCache)
      answer = { try model.hiddenStates(ExportSubject.tokens($0)) }
      inputs = ExportSubject.inputs
    case .decoder:
      purpose = .tokens
      graph = try Graph(decoderOf: model, hasCache: hasCache)
      answer = { try model.logits(model.decoded(asked: $0)) }
      let empty = try ExportSubject.emptyCache(graph)
      inputs = { source in
        try noGrad {
          let encoded = try model.hiddenStates(source)
          var inputs = try ExportSubject.inputs(source)
          inputs[Graph.Name.encoderMask] = inputs[Graph.Name.mask]
          inputs[Graph.Name.ids] = try model.shifted(source.ids)
          guard hasCache else { return inputs.merging([Graph.Name.encoded: encoded]) { $1 } }
          let others = try model.decoder.blocks.enumerated().flatMap { index, block in
            let pair = try block.cross?.keysAndValues(encoded)
            return [(T5.other(index, "key"), pair?.0), (T5.other(index, "value"), pair?.1)]
          }
          for (name, value) in others { inputs[name] = try value?.contiguous() }
          return try empty(source.rows).merging(inputs) { $1 }
        }
      }
    }
  }
}

extension T5 {
  fileprivate static func other(_ layer: Int, _ name: String) -> String {
    "past_key_values.\(layer).\(Graph.Name.encoderPart)\(name)"
  }

  /// The decoder's output for inputs of its graph that begin a target.
  fileprivate func decoded(asked inputs: [String: Tensor]) throws -> Tensor {
    let target = try ExportSubject.tokens(inputs)
    guard let mask = try inputs[Graph.Name.encoderMask].map({ try $0 .!= 0 }) else {
      throw ExportError.values("a source has a mask, `\(Graph.Name.encoderMask)`")
    }
    if let encoded = inputs[Graph.Name.encoded] {
      return try decoded(target, encoded: encoded, source: TokenBatch(mask.to(.int64), mask: mask))
    }
    let others = (0..<configuration.decoderLayers).compactMap { layer in
      inputs[Self.other(layer, "key")].flatMap { keys in
        inputs[Self.other(layer, "value")].map { (keys, $0) }
      }
    }
    return try decoded(
      target, decoding: EncodedSource(self, others: others, mask: mask, capacity: target.length))
  }
}

extension ExportSubject {
  /// Inputs of a graph of texts.
  static func inputs(_ batch: TokenBatch) throws -> [String: Tensor] {
    [
      Graph.Name.ids: batch.ids,
      Graph.Name.mask: try batch.mask?.to(.int64) ?? Tensor.ones(batch.ids.shape, dtype: .int64),
    ]
  }

  /// Tokens as the model takes them, of inputs of the graph.
  static func tokens(_ inputs: [String: Tensor]) throws -> TokenBatch {
    guard let ids = inputs[Graph.Name.ids], let mask = inputs[Graph.Name.mask] else {
      throw ExportError.values("texts are `\(Graph.Name.ids)` and `\(Graph.Name.mask)`")
    }
    return try TokenBatch(ids, mask: mask .!= 0)
  }

  /// Keys and values of no earlier tokens, for a graph that takes them.
  static func emptyCache(_ graph: Graph) throws -> (_ rows: Int) throws -> [String: Tensor] {
    let ports = graph.inputs.filter { $0.axes.contains(Graph.Name.past) }
    return { rows in
      try Dictionary(
        uniqueKeysWithValues: ports.map { port in
          let sizes = port.axes.map { axis in
            switch axis {
            case .size(let size): size
            case Graph.Name.batch: rows
            case .named: 0
            }
          }
          return (port.name, try Tensor.zeros(sizes))
        })
    }
  }
}

extension CausalLanguageModel {
  /// Writes the folder of the model, whichever it is.
  ///
  /// - Throws: ``ExportError`` for a model without public files; what writing throws.
  func save(to folder: URL) throws {
    switch self {
    case let model as GPT2: try ModelFolder(folder).save(model)
    case let model as Llama: try ModelFolder(folder).save(model)
    default: throw ExportError.layer(path: "model", type: "\(type(of: self))")
    }
  }
}
