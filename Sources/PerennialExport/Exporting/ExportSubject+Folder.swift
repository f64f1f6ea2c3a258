import Foundation
import Perennial
import PerennialText
import PerennialTokenizers
import Torch

extension ExportSubject {
  /// The model in a folder as `transformers` or `sentence-transformers` writes it.
  ///
  /// A BERT encoder becomes a sentence encoder, a GPT-2, Llama or Qwen2 a language model, and of a T5 one half is taken.
  /// - Parameters:
  ///   - adapter: the folder of a PEFT adapter to fold into the weights.
  ///   - half: of a T5; its encoder when nil.
  ///   - texts: one a line, to calibrate on and to compare answers on; every fifth is for comparing alone.
  ///   - length: the most tokens of a text.
  ///   - hasCache: whether what writes tokens takes and gives keys and values of earlier ones.
  /// - Throws: what reading the folder throws; ``ExportError`` for a model that cannot be exported, or has no halves.
  public init(
    folder url: URL, adapter: URL? = nil, half: Half? = nil, texts: [String] = [], length: Int = 128,
    hasCache: Bool = false
  ) throws {
    let folder = ModelFolder(url)
    let type = try folder.modelType()
    let whole = url.standardizedFileURL.lastPathComponent
    let model: TextModel
    switch type {
    case _ where T5.modelTypes.contains(type):
      let whole = try folder.load(T5.self)
      try adapter.map { try AdapterFolder($0).apply(to: whole) }
      model = try TextModel(whole, half ?? .encoder, hasCache: hasCache)
    case _ where half != nil: throw ExportError.halves(of: type)
    case _ where BERT.modelTypes.contains(type):
      model = try TextModel(sentenceEncoder: folder, adapter: adapter)
    default: model = try TextModel(languageModel: folder, adapter: adapter, hasCache: hasCache)
    }
    (name, purpose, graph) = (Half.name(half, of: whole), model.purpose, model.graph)
    answer = model.answer
    writeFolder = {
      try model.write($0)
      try Self.copyTokenizer(from: url, to: $0)
    }
    card = ModelCard(
      name: name,
      summary: "The \(half.map { "\($0.rawValue) of the " } ?? "")\(type) model of the folder `\(whole)`.",
      task: purpose.task(isText: true))
    let rows =
      texts.isEmpty
      ? Self.madeUp(vocabulary: model.vocabulary) : try Self.rows(texts, Tokenizer(folder: url), length)
    let batches = try Self.batches(rows, padding: model.padding, as: model.inputs)
    guard !texts.isEmpty else {
      test = batches
      return
    }
    test = batches.enumerated().filter { $0.offset % 5 == 4 || batches.count < 5 }.map(\.element)
    calibration = batches.enumerated().filter { $0.offset % 5 != 4 || batches.count < 5 }.map(\.element)
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

  private static func batches(
    _ rows: [[Int]], padding: Int, as inputs: (TokenBatch) throws -> [String: Tensor]
  ) throws -> [Batch] {
    try stride(from: 0, to: rows.count, by: textBatch).map { start in
      try Batch(
        inputs: inputs(
          TokenBatch(Array(rows[start..<min(start + textBatch, rows.count)]), padding: padding)))
    }
  }

  private static let textBatch = 8

  /// Files that say how texts become tokens come along as they are.
  static func copyTokenizer(from source: URL, to folder: URL) throws {
    let names = [
      "tokenizer.json", "tokenizer_config.json", "special_tokens_map.json", "vocab.txt", "vocab.json",
      "merges.txt",
      "generation_config.json", "chat_template.jinja",
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

extension TokenizerFiles {
  /// Writes what makes tokens of texts into a model's folder.
  func copy(to folder: URL) throws {
    switch self {
    case .folder(let source): try ExportSubject.copyTokenizer(from: source, to: folder)
    case .tokenizer(let tokenizer): try tokenizer.save(to: folder)
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
