import Foundation
import Perennial
import Torch

/// Options of `encoder`: a folder with a BERT encoder, as `sentence-transformers` writes it.
struct EncoderOptions: Configurable {
  /// The folder, below the data root unless absolute.
  var path = ""
  /// How the vectors of tokens become one; as the folder says when nil.
  var pooling: SentencePooling.Kind?
  var normalize: Bool?

  func validate(at node: ConfigurationNode) throws {
    guard !path.isEmpty else { throw node.error("missing key `path`: the folder of the model") }
  }
}

/// Options of `bert`: an encoder from scratch.
struct FreshEncoderOptions: Configurable {
  var layers = 4
  var heads = 4
  var width = 128
  /// Of the inner layers; four times the width when nil.
  var inner: Int?
  var dropout = 0.1
  var pooling = SentencePooling.Kind.mean

  func validate(at node: ConfigurationNode) throws {
    for (key, value) in [("layers", layers), ("heads", heads), ("width", width)] {
      try node.require(key, value, atLeast: 1)
    }
    try node.require("inner", inner, atLeast: 1)
    try node.require("dropout", dropout, in: 0..<1)
    guard width % heads == 0 else { throw node.error(at: "width", "must divide by `heads`, \(heads)") }
  }
}

/// Options of `gpt`, a GPT-2 from scratch, and of `llama`.
struct FreshDecoderOptions: Configurable {
  var layers = 4
  var heads = 4
  var width = 128
  /// Of the inner layers; four times the width, for `llama` 8/3 of it, when nil.
  var inner: Int?
  /// `llama` alone: heads with keys and values of their own; as many as heads when nil.
  var keyHeads: Int?
  var dropout = 0.0

  func validate(at node: ConfigurationNode) throws {
    for (key, value) in [("layers", layers), ("heads", heads), ("width", width)] {
      try node.require(key, value, atLeast: 1)
    }
    try node.require("inner", inner, atLeast: 1)
    try node.require("key_heads", keyHeads, atLeast: 1)
    try node.require("dropout", dropout, in: 0..<1)
    guard width % heads == 0 else { throw node.error(at: "width", "must divide by `heads`, \(heads)") }
  }
}

/// Options of `language-model`: a folder with a GPT-2, Llama or Qwen2, as `transformers` writes it.
struct LanguageModelOptions: Configurable {
  /// The folder, below the data root unless absolute.
  var path = ""

  func validate(at node: ConfigurationNode) throws {
    guard !path.isEmpty else { throw node.error("missing key `path`: the folder of the model") }
  }
}

/// The models for text that a recipe can name.
enum TextModels {
  static let encoders = ["encoder", "bert"]
  static let languageModels = ["gpt", "llama", "language-model"]

  /// The folder of a model that comes from one.
  static func folder(_ selection: Selection, _ file: (String) -> URL) throws -> URL? {
    if selection.isNamed("encoder") { return file(try selection.decode(EncoderOptions.self).path) }
    if selection.isNamed("language-model") {
      return file(try selection.decode(LanguageModelOptions.self).path)
    }
    return nil
  }

  /// An encoder with one vector for a text.
  ///
  /// - Parameter facts: the vocabulary and length of what it will read.
  static func encoder(
    _ selection: Selection, _ facts: TextFacts, _ random: RandomStreams, _ file: (String) -> URL
  ) throws -> any Backbone {
    let masks = try random.stream("dropout")
    guard selection.isNamed("bert") else {
      let options = try selection.decode(EncoderOptions.self)
      let folder = ModelFolder(file(options.path))
      let read = try folder.loadSentenceEncoder(dropout: masks)
      var pooling = read.pooling
      if let kind = options.pooling { pooling.kind = kind }
      if let isNormalized = options.normalize { pooling.isNormalized = isNormalized }
      return SentenceEncoder(read.encoder, pooling: pooling)
    }
    let options = try selection.decode(FreshEncoderOptions.self)
    var c = BERTConfiguration()
    (c.layers, c.heads, c.width) = (options.layers, options.heads, options.width)
    c.innerWidth = options.inner ?? 4 * options.width
    (c.hiddenDropout, c.attentionDropout) = (options.dropout, options.dropout)
    (c.vocabularySize, c.maximumLength) = (facts.vocabulary, facts.length)
    (c.paddingToken, c.hasPooler) = (facts.padding, false)
    let encoder = try BERT(c, random.stream("initialization"), dropout: masks)
    return SentenceEncoder(encoder, pooling: SentencePooling(options.pooling))
  }

  static func languageModel(
    _ selection: Selection, _ facts: TextFacts, _ random: RandomStreams, _ file: (String) -> URL
  ) throws -> any CausalLanguageModel {
    let masks = try random.stream("dropout")
    if selection.isNamed("language-model") {
      let folder = ModelFolder(file(try selection.decode(LanguageModelOptions.self).path))
      return try folder.loadLanguageModel(dropout: masks)
    }
    let options = try selection.decode(FreshDecoderOptions.self)
    let weights = try random.stream("initialization")
    guard selection.isNamed("llama") else {
      var c = GPT2Configuration()
      (c.layers, c.heads, c.width, c.innerWidth) = (
        options.layers, options.heads, options.width, options.inner
      )
      (c.residualDropout, c.embeddingDropout, c.attentionDropout) = (
        options.dropout, options.dropout, options.dropout
      )
      (c.vocabularySize, c.maximumLength) = (facts.vocabulary, facts.length)
      (c.beginToken, c.endTokens) = (facts.end, facts.end.map { [$0] } ?? [])
      return try GPT2(c, weights, dropout: masks)
    }
    var c = LlamaConfiguration()
    (c.layers, c.heads, c.width) = (options.layers, options.heads, options.width)
    c.keyHeads = options.keyHeads ?? options.heads
    c.innerWidth = options.inner ?? (8 * options.width / 3 + 31) / 32 * 32
    (c.vocabularySize, c.maximumLength, c.attentionDropout) = (
      facts.vocabulary, facts.length, options.dropout
    )
    (c.beginToken, c.endTokens, c.isTied) = (facts.end, facts.end.map { [$0] } ?? [], true)
    return try Llama(c, weights, dropout: masks)
  }
}

/// What a model must know of the texts that it reads.
struct TextFacts {
  /// V
  let vocabulary: Int
  /// The longest row.
  let length: Int
  /// The id that fills up rows, and the one that ends a text.
  let padding: Int?
  let end: Int?
}

extension ModelFolder {
  /// The decoder in the folder, whichever it is.
  ///
  /// - Throws: as `load`; `FileError` for a model that does not read from left to right.
  public func loadLanguageModel(dropout: Generator? = nil) throws -> any CausalLanguageModel {
    let type = try modelType()
    if GPT2.modelTypes.contains(type) { return try load(GPT2.self, dropout: dropout) }
    if Llama.modelTypes.contains(type) { return try load(Llama.self, dropout: dropout) }
    let known = (GPT2.modelTypes + Llama.modelTypes).joined(separator: ", ")
    throw FileError(
      .unsupported, url.appendingPathComponent("config.json").path, .entry("model_type"),
      "is \(type); language models are \(known)")
  }
}
