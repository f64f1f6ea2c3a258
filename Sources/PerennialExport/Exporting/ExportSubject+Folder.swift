import Foundation
import Perennial
import PerennialText
import PerennialTokenizers
import Torch

extension ExportSubject {
  /// The model in a folder as `transformers` or `sentence-transformers` writes it.
  ///
  /// A BERT encoder becomes a sentence encoder, a GPT-2, Llama or Qwen2 a language model, and of a T5 the encoder is taken.
  /// - Parameters:
  ///   - texts: one a line, to calibrate on and to compare answers on; every fifth is for comparing alone.
  ///   - length: the most tokens of a text.
  ///   - hasCache: whether a language model takes and gives keys and values of earlier tokens.
  /// - Throws: what reading the folder throws; ``ExportError`` for a model that cannot be exported.
  public init(folder url: URL, texts: [String] = [], length: Int = 128, hasCache: Bool = false) throws {
    let folder = ModelFolder(url)
    let type = try folder.modelType()
    let name = url.standardizedFileURL.lastPathComponent
    let write: (URL) throws -> Void
    let answer: (TokenBatch) throws -> Tensor
    let vocabulary: Int
    var padding = 0
    switch type {
    case _ where BERT.modelTypes.contains(type):
      let encoder = try folder.loadSentenceEncoder()
      guard let bert = encoder.encoder as? BERT else {
        throw ExportError.layer(path: name, type: "\(Swift.type(of: encoder.encoder))")
      }
      purpose = .embeddings
      graph = try Graph(encoder)
      answer = { try encoder($0) }
      write = {
        try ModelFolder($0).save(bert)
        try ModelFolder($0).save(encoder.pooling, width: encoder.featureCount)
      }
      (vocabulary, padding) = (bert.configuration.vocabularySize, encoder.encoder.paddingToken ?? 0)
    case _ where T5.modelTypes.contains(type):
      let model = try folder.load(T5.self)
      purpose = .hidden
      graph = try Graph(encoder: model)
      answer = { try model.hiddenStates($0) }
      write = { try ModelFolder($0).save(model) }
      (vocabulary, padding) = (model.vocabularySize, model.paddingToken ?? 0)
    default:
      let model = try folder.loadLanguageModel()
      purpose = .tokens
      graph = try Graph(model, hasCache: hasCache)
      answer = { try model($0) }
      write = { try model.save(to: $0) }
      (vocabulary, padding) = (model.vocabularySize, model.paddingToken ?? 0)
    }
    self.name = name
    let empty = try Self.emptyCache(graph)
    self.answer = { try answer(Self.tokens($0)) }
    writeFolder = {
      try write($0)
      try Self.copyTokenizer(from: url, to: $0)
    }
    card = ModelCard(
      name: name, summary: "The \(type) model of the folder `\(name)`.",
      task: purpose.task(isText: true))
    let rows =
      texts.isEmpty
      ? Self.madeUp(vocabulary: vocabulary) : try Self.rows(texts, Tokenizer(folder: url), length)
    let batches = try Self.batches(rows, padding: padding, and: empty)
    guard !texts.isEmpty else {
      test = batches
      return
    }
    test = batches.enumerated().filter { $0.offset % 5 == 4 || batches.count < 5 }.map(\.element)
    calibration = batches.enumerated().filter { $0.offset % 5 != 4 || batches.count < 5 }.map(\.element)
  }

  /// Tokens as the model takes them, of inputs of the graph.
  static func tokens(_ inputs: [String: Tensor]) throws -> TokenBatch {
    guard let ids = inputs[Graph.Name.ids], let mask = inputs[Graph.Name.mask] else {
      throw ExportError.values("texts are `\(Graph.Name.ids)` and `\(Graph.Name.mask)`")
    }
    return try TokenBatch(ids, mask: mask .!= 0)
  }

  private static func rows(_ texts: [String], _ tokenizer: Tokenizer, _ length: Int) throws -> [[Int]] {
    let rows = texts.map { tokenizer.encode($0, truncation: Truncation(length: length)).ids.map(Int.init) }
      .filter { !$0.isEmpty }
    guard !rows.isEmpty else { throw ExportError.data("none of the \(texts.count) texts has a token") }
    return rows
  }

  /// Rows of ids that mean nothing, to compare numbers on.
  private static func madeUp(vocabulary: Int) -> [[Int]] {
    [9, 6, 1].map { length in (0..<length).map { 1 + ($0 * 7919 + length * 31) % max(vocabulary - 1, 1) } }
  }

  private static func batches(_ rows: [[Int]], padding: Int, and more: (Int) throws -> [String: Tensor])
    throws -> [Batch]
  {
    try stride(from: 0, to: rows.count, by: textBatch).map { start in
      let batch = try TokenBatch(
        Array(rows[start..<min(start + textBatch, rows.count)]), padding: padding)
      let mask = try batch.mask?.to(.int64) ?? Tensor.ones(batch.ids.shape, dtype: .int64)
      let tokens = [Graph.Name.ids: batch.ids, Graph.Name.mask: mask]
      return Batch(inputs: try more(batch.rows).merging(tokens) { $1 })
    }
  }

  private static let textBatch = 8

  /// Keys and values of no earlier tokens, for a graph that takes them.
  static func emptyCache(_ graph: Graph) throws -> (_ rows: Int) throws -> [String: Tensor] {
    let ports = graph.inputs.filter { ![Graph.Name.ids, Graph.Name.mask].contains($0.name) }
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

  /// Files that say how texts become tokens come along as they are.
  static func copyTokenizer(from source: URL, to folder: URL) throws {
    let names = [
      "tokenizer.json", "tokenizer_config.json", "special_tokens_map.json", "vocab.txt", "vocab.json",
      "merges.txt",
      "generation_config.json",
    ]
    for name in names {
      let (old, new) = (source.appendingPathComponent(name), folder.appendingPathComponent(name))
      guard FileManager.default.fileExists(atPath: old.path),
        old.standardizedFileURL != new.standardizedFileURL
      else { continue }
      try AtomicFile.write(Data(contentsOf: old), to: new)
    }
  }
}

extension ExportSubject.Purpose {
  /// What Hugging Face calls the task.
  func task(isText: Bool, isImage: Bool = false) -> String {
    switch self {
    case .classes:
      isText ? "text-classification" : isImage ? "image-classification" : "tabular-classification"
    case .embeddings: "sentence-similarity"
    case .tokens: "text-generation"
    case .hidden: "feature-extraction"
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
