import Torch

/// The sizes of a GPT-2 decoder (Radford et al. 2019), with the names and defaults of `transformers`' `GPT2Config`.
public struct GPT2Configuration: DecoderConfiguration {
  public var vocabularySize = 50257
  public var width = 768
  public var layers = 12
  public var heads = 12
  /// The width between the two layers of a block's perceptron; nil: four times the model's.
  public var innerWidth: Int?
  public var activation = ActivationName.geluNew
  public var residualDropout = 0.1
  public var embeddingDropout = 0.1
  public var attentionDropout = 0.1
  public var maximumLength = 1024
  public var normalizationEpsilon = 1e-5
  public var initializerRange = 0.02
  /// Whether the layers that end in the residual stream are drawn √(2 · layers) times smaller; the file does not say it.
  public var scalesResidualInitialization = true
  public var isTied = true
  /// Whether scores are divided by the square root of a head's width.
  public var scalesAttention = true
  public var beginToken: Int? = 50256
  public var endTokens: [Int] = [50256]
  public var paddingToken: Int?

  public init() {}

  /// Reads the keys of `config.json`; throws `FileError` that names the key.
  public init(_ reader: ConfigurationReader) throws {
    vocabularySize = try reader.integer("vocab_size", default: vocabularySize)
    width = try reader.integer("n_embd", default: width)
    layers = try reader.integer("n_layer", default: layers)
    heads = try reader.integer("n_head", default: heads)
    innerWidth = try reader.optionalInteger("n_inner")
    activation = try reader.choice("activation_function", default: activation)
    residualDropout = try reader.probability("resid_pdrop", default: residualDropout)
    embeddingDropout = try reader.probability("embd_pdrop", default: embeddingDropout)
    attentionDropout = try reader.probability("attn_pdrop", default: attentionDropout)
    maximumLength = try reader.integer("n_positions", default: maximumLength)
    normalizationEpsilon = try reader.number("layer_norm_epsilon", default: normalizationEpsilon, in: 0...1)
    initializerRange = try reader.number("initializer_range", default: initializerRange, in: 0...1)
    isTied = try reader.flag("tie_word_embeddings", default: true)
    scalesAttention = try reader.flag("scale_attn_weights", default: true)
    beginToken = try reader.tokens("bos_token_id").first
    endTokens = try reader.tokens("eos_token_id")
    paddingToken = try reader.optionalInteger("pad_token_id", minimum: 0)
    try reader.require("scale_attn_by_inverse_layer_idx", false)
    try reader.require("add_cross_attention", false)
    try reader.require("is_encoder_decoder", false)
    // The order of rounding in half precision, and a head for classification.
    for key in ["reorder_and_upcast_attn", "summary_activation", "summary_first_dropout"] {
      _ = reader.value(key)
    }
    for key in ["summary_proj_to_labels", "summary_type", "summary_use_proj"] { _ = reader.value(key) }
    guard width % heads == 0 else {
      throw reader.fault(.range, "n_head", "\(width) does not divide into \(heads) heads")
    }
  }

  public var fields: [String: JSONValue] {
    [
      "model_type": "gpt2", "architectures": .list(["GPT2LMHeadModel"]),
      "vocab_size": .integer(vocabularySize), "n_embd": .integer(width), "n_layer": .integer(layers),
      "n_head": .integer(heads), "n_inner": innerWidth.map(JSONValue.integer) ?? .null,
      "activation_function": .text(activation.rawValue), "resid_pdrop": .number(residualDropout),
      "embd_pdrop": .number(embeddingDropout), "attn_pdrop": .number(attentionDropout),
      "n_positions": .integer(maximumLength), "layer_norm_epsilon": .number(normalizationEpsilon),
      "initializer_range": .number(initializerRange), "tie_word_embeddings": .flag(isTied),
      "scale_attn_weights": .flag(scalesAttention), "bos_token_id": .token(beginToken),
      "eos_token_id": .tokens(endTokens), "pad_token_id": .token(paddingToken),
    ]
  }

  public var probes: [String: [Int]] {
    [
      "transformer.wte.weight": [vocabularySize, width], "transformer.wpe.weight": [maximumLength, width],
      "transformer.h.\(layers - 1).mlp.c_fc.weight": [innerWidth ?? 4 * width, width],
    ]
  }
}

extension JSONValue {
  /// An id that may not be there.
  static func token(_ token: Int?) -> JSONValue { token.map(JSONValue.integer) ?? .null }

  /// One id as itself, several as a list.
  static func tokens(_ tokens: [Int]) -> JSONValue {
    tokens.count > 1 ? .list(tokens.map(JSONValue.integer)) : token(tokens.first)
  }
}
