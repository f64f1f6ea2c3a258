import Torch

/// The sizes of a BERT encoder (Devlin et al. 2019), with the names and defaults of `transformers`' `BertConfig`.
public struct BERTConfiguration: ModelConfiguration {
  public var vocabularySize = 30522
  public var width = 768
  public var layers = 12
  public var heads = 12
  public var innerWidth = 3072
  public var activation = ActivationName.gelu
  public var hiddenDropout = 0.1
  public var attentionDropout = 0.1
  public var maximumLength = 512
  public var tokenTypes = 2
  public var normalizationEpsilon = 1e-12
  public var initializerRange = 0.02
  /// The id that fills up rows.
  public var paddingToken: Int? = 0
  /// Whether there is a dense layer with tanh on the first token, which sentence embeddings do without.
  public var hasPooler = true

  public init() {}

  /// Reads the keys of `config.json`; throws `FileError` that names the key.
  public init(_ reader: ConfigurationReader) throws {
    vocabularySize = try reader.integer("vocab_size", default: vocabularySize)
    width = try reader.integer("hidden_size", default: width)
    layers = try reader.integer("num_hidden_layers", default: layers)
    heads = try reader.integer("num_attention_heads", default: heads)
    innerWidth = try reader.integer("intermediate_size", default: innerWidth)
    activation = try reader.choice("hidden_act", default: activation)
    hiddenDropout = try reader.probability("hidden_dropout_prob", default: hiddenDropout)
    attentionDropout = try reader.probability("attention_probs_dropout_prob", default: attentionDropout)
    maximumLength = try reader.integer("max_position_embeddings", default: maximumLength)
    tokenTypes = try reader.integer("type_vocab_size", default: tokenTypes)
    normalizationEpsilon = try reader.number("layer_norm_eps", default: normalizationEpsilon, in: 0...1)
    initializerRange = try reader.number("initializer_range", default: initializerRange, in: 0...1)
    paddingToken = try reader.optionalInteger("pad_token_id", minimum: 0, default: 0)
    // Of masked language modelling, whose head is no part of the encoder.
    _ = try reader.flag("tie_word_embeddings", default: true)
    try reader.require("position_embedding_type", "absolute")
    try reader.require("is_decoder", false)
    try reader.require("add_cross_attention", false)
    try reader.require("is_encoder_decoder", false)
    guard width % heads == 0 else {
      throw reader.fault(.range, "num_attention_heads", "\(width) does not divide into \(heads) heads")
    }
    if let paddingToken, paddingToken >= vocabularySize {
      throw reader.fault(.range, "pad_token_id", "is \(paddingToken), outside of \(vocabularySize) tokens")
    }
  }

  public var fields: [String: JSONValue] {
    [
      "model_type": "bert", "architectures": .list(["BertModel"]), "vocab_size": .integer(vocabularySize),
      "hidden_size": .integer(width), "num_hidden_layers": .integer(layers),
      "num_attention_heads": .integer(heads), "intermediate_size": .integer(innerWidth),
      "hidden_act": .text(activation.rawValue), "hidden_dropout_prob": .number(hiddenDropout),
      "attention_probs_dropout_prob": .number(attentionDropout),
      "max_position_embeddings": .integer(maximumLength), "type_vocab_size": .integer(tokenTypes),
      "layer_norm_eps": .number(normalizationEpsilon), "initializer_range": .number(initializerRange),
      "pad_token_id": paddingToken.map(JSONValue.integer) ?? .null, "position_embedding_type": "absolute",
    ]
  }

  public var probes: [String: [Int]] {
    [
      "embeddings.word_embeddings.weight": [vocabularySize, width],
      "embeddings.position_embeddings.weight": [maximumLength, width],
      "embeddings.token_type_embeddings.weight": [tokenTypes, width],
      "encoder.layer.\(layers - 1).intermediate.dense.weight": [innerWidth, width],
    ]
  }
}
