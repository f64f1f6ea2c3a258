import Foundation
import Perennial
import PerennialTokenizers
import Torch

/// The models for text that a recipe can name.
enum TextModels {
  static let encoders = ["encoder", "bert"]
  static let languageModels = ["gpt", "llama", "language-model"]
  static let encoderDecoders = ["t5", "encoder-decoder"]
  static let readers = ["memory-network"]

  /// What models of texts are for.
  enum Kind {
    /// One vector for a text, with a head of classes on it.
    case encoder
    /// An answer to a question by what is told beside it, with a head of classes.
    case reader
    /// The next token of a text.
    case languageModel
    /// A text for a text.
    case encoderDecoder

    /// Whether it learns by this objective.
    func takes(_ objective: Selection) -> Bool {
      let isOfTokens = objective.isNamed("tokens") || objective.isNamed("writing")
      return switch self {
      case .encoder, .reader: !isOfTokens
      case .languageModel, .encoderDecoder: isOfTokens
      }
    }

    /// What to write where it does not.
    var refusal: String {
      switch self {
      case .encoder, .reader:
        "texts are written by \((languageModels + encoderDecoders).joined(separator: ", ")); this model classifies"
      case .languageModel, .encoderDecoder:
        "this model learns to write: `objective: tokens` judges it by perplexity, `objective: writing` by what it writes"
      }
    }
  }

  static let names = encoders + languageModels + encoderDecoders + readers

  static func kind(of model: Selection) -> Kind? {
    if encoders.contains(where: model.isNamed) { return .encoder }
    if readers.contains(where: model.isNamed) { return .reader }
    if languageModels.contains(where: model.isNamed) { return .languageModel }
    return encoderDecoders.contains(where: model.isNamed) ? .encoderDecoder : nil
  }

  /// The folder of a model that comes from one.
  static func folder(_ selection: Selection, _ file: (String) -> URL) throws -> URL? {
    if selection.isNamed("encoder") { return file(try selection.decode(EncoderOptions.self).path) }
    if selection.isNamed("language-model") || selection.isNamed("encoder-decoder") {
      return file(try selection.decode(LanguageModelOptions.self).path)
    }
    return nil
  }

  /// The folder that holds a recipe's model as it begins; nil where none does.
  static func base(_ selection: Selection, _ file: (String) -> URL) throws -> URL? {
    guard ["adapter", "layers"].allSatisfy({ selection.options[$0] == nil }) else { return nil }
    return try folder(selection, file)
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
      if let model = read.encoder as? any Promptable { try adapt(model, options.adapter, selection, file) }
      try facts.check(
        vocabulary: (read.encoder as? BERT)?.configuration.vocabularySize,
        length: (read.encoder as? BERT)?.configuration.maximumLength, of: selection)
      var pooling = read.pooling
      if let kind = options.pooling { pooling.kind = kind }
      if let isNormalized = options.normalize { pooling.isNormalized = isNormalized }
      guard let layers = options.layers, let whole = read.encoder as? BERT else {
        return SentenceEncoder(read.encoder, pooling: pooling, padding: facts.padding)
      }
      return SentenceEncoder(
        try whole.keeping(layers: layers, dropout: masks), pooling: pooling, padding: facts.padding)
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

  /// A memory network for stories.
  static func reader(_ selection: Selection, _ facts: TextFacts, _ random: RandomStreams) throws
    -> MemoryNetwork
  {
    let options = try selection.decode(MemoryNetworkOptions.self)
    return try MemoryNetwork(
      MemoryNetworkConfiguration(
        options.kind, vocabularySize: facts.vocabulary, width: options.width, hops: options.hops,
        memories: facts.memories ?? 1),
      random.stream("initialization"))
  }

  static func encoderDecoder(
    _ selection: Selection, _ facts: TextFacts, _ random: RandomStreams, _ file: (String) -> URL
  ) throws -> T5 {
    let masks = try random.stream("dropout")
    if selection.isNamed("encoder-decoder") {
      let folder = ModelFolder(file(try selection.decode(LanguageModelOptions.self).path))
      let model = try folder.load(T5.self, dropout: masks)
      try adapt(model, selection, file)
      try facts.check(vocabulary: model.vocabularySize, length: nil, of: selection)
      return model
    }
    let options = try selection.decode(FreshEncoderDecoderOptions.self)
    var c = T5Configuration()
    (c.layers, c.decoderLayers, c.heads, c.width) = (
      options.layers, options.layers, options.heads, options.width
    )
    (c.headWidth, c.innerWidth) = (options.width / options.heads, options.inner ?? 4 * options.width)
    (c.dropout, c.vocabularySize) = (options.dropout, facts.vocabulary)
    (c.paddingToken, c.startToken) = (facts.padding, facts.padding ?? 0)
    c.endTokens = facts.end.map { [$0] } ?? []
    return try T5(c, random.stream("initialization"), dropout: masks)
  }

  private static func adapt(_ model: any Promptable, _ selection: Selection, _ file: (String) -> URL) throws {
    try adapt(model, selection.decode(LanguageModelOptions.self).adapter, selection, file)
  }

  /// Makes a PEFT adapter part of a model that is read.
  ///
  /// - Throws: `ConfigurationError` for one that is no part of weights.
  private static func adapt(
    _ model: any Promptable, _ adapter: String?, _ selection: Selection, _ file: (String) -> URL
  ) throws {
    guard let adapter else { return }
    try AdapterFolder(file(adapter)).apply(to: model)
    guard model.promptSource == nil else {
      throw selection.options.error(
        at: "adapter", "\(adapter) stands in front of texts, and is no part of a model: low-rank adapters are"
      )
    }
  }

  static func languageModel(
    _ selection: Selection, _ facts: TextFacts, _ random: RandomStreams, _ file: (String) -> URL
  ) throws -> any CausalLanguageModel {
    let masks = try random.stream("dropout")
    if selection.isNamed("language-model") {
      let folder = ModelFolder(file(try selection.decode(LanguageModelOptions.self).path))
      let model = try folder.loadLanguageModel(dropout: masks)
      try adapt(model, selection, file)
      try facts.check(vocabulary: model.vocabularySize, length: model.maximumLength, of: selection)
      return model
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
  /// The id behind the end of rows of a language model, where they differ in length.
  var filler: Int?
  /// The most sentences beside a question, where rows are stories.
  var memories: Int?

  /// How long rows are, where that is less than they may be.
  var width: Int?
  /// The ids that every text may need, from 0 on; V where nothing else is said. Tokens that were added and never occur need
  /// no place in a model.
  var needed: Int?

  /// Refuses a model that does not belong to the tokenizer, or cannot take the rows.
  ///
  /// - Parameters: What the model has; nil for what does not matter.
  /// - Throws: `ConfigurationError` at the selection of the model.
  func check(vocabulary: Int?, length: Int?, of model: Selection) throws {
    let needed = max(needed ?? self.vocabulary, (padding ?? -1) + 1)
    if let vocabulary, needed > vocabulary {
      throw model.node.error(
        "the tokenizer writes ids up to \(needed - 1), and the model knows \(vocabulary) tokens: "
          + "they do not belong together")
    }
    let width = width ?? self.length
    if let length, width > length {
      throw model.node.error(
        "rows have up to \(width) tokens, and the model takes \(length): write `length` or `block` of the data so"
      )
    }
  }
}

extension TextFacts {
  /// Of texts that a tokenizer cuts.
  init(_ tokenizer: Tokenizer, length: Int, width: Int? = nil, padding: Int?, end: Int?) {
    self.init(
      vocabulary: tokenizer.endID, length: length, padding: padding, end: end, width: width,
      needed: tokenizer.vocabularyEndID)
  }
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
