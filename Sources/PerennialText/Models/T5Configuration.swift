import Torch

/// The sizes of a T5 encoder-decoder (Raffel et al. 2020), with the names and defaults of `transformers`' `T5Config`.
public struct T5Configuration: ModelConfiguration {
  /// The layer between the two halves of a perceptron.
  public enum FeedForward: String, Sendable, CaseIterable {
    case relu, gelu, silu
    /// The product of a layer through GELU (tanh form) and one as it is: T5 1.1.
    case gatedGELU = "gated-gelu"
    case gatedSiLU = "gated-silu"

    var isGated: Bool { self == .gatedGELU || self == .gatedSiLU }

    var activation: ActivationName {
      switch self {
      case .relu: .relu
      case .gelu: .gelu
      case .silu, .gatedSiLU: .silu
      case .gatedGELU: .geluNew
      }
    }
  }

  public var vocabularySize = 32128
  public var width = 512
  /// The width of a head, which is not the model's by its heads.
  public var headWidth = 64
  public var innerWidth = 2048
  public var layers = 6
  public var decoderLayers = 6
  public var heads = 8
  public var buckets = 32
  public var maximumDistance = 128
  public var dropout = 0.1
  public var normalizationEpsilon = 1e-6
  public var initializerFactor = 1.0
  public var feedForward = FeedForward.relu
  public var isTied = true
  /// Whether what the output layer takes is divided by √width, as in the first T5.
  public var scalesOutput = true
  public var paddingToken: Int? = 0
  /// The id with which a target begins.
  public var startToken = 0
  public var endTokens: [Int] = [1]

  public init() {}

  /// Reads the keys of `config.json`; throws `FileError` that names the key.
  public init(_ reader: ConfigurationReader) throws {
    vocabularySize = try reader.integer("vocab_size", default: vocabularySize)
    width = try reader.integer("d_model", default: width)
    headWidth = try reader.integer("d_kv", default: headWidth)
    innerWidth = try reader.integer("d_ff", default: innerWidth)
    layers = try reader.integer("num_layers", default: layers)
    decoderLayers = try reader.integer("num_decoder_layers", default: layers)
    heads = try reader.integer("num_heads", default: heads)
    buckets = try reader.integer("relative_attention_num_buckets", default: buckets, minimum: 4)
    maximumDistance = try reader.integer("relative_attention_max_distance", default: maximumDistance)
    dropout = try reader.probability("dropout_rate", default: dropout)
    normalizationEpsilon = try reader.number("layer_norm_epsilon", default: normalizationEpsilon, in: 0...1)
    initializerFactor = try reader.number("initializer_factor", default: initializerFactor, in: 0...1e3)
    feedForward = try reader.choice("feed_forward_proj", default: feedForward)
    isTied = try reader.flag("tie_word_embeddings", default: true)
    // Where nothing is said, T5 divides when it ties.
    scalesOutput = try reader.flag("scale_decoder_outputs", default: isTied)
    paddingToken = try reader.optionalInteger("pad_token_id", minimum: 0) ?? 0
    startToken = try reader.tokens("decoder_start_token_id").first ?? paddingToken ?? 0
    endTokens = try reader.tokens("eos_token_id")
    try reader.require("is_gated_act", .flag(feedForward.isGated))
    // The one follows from `feed_forward_proj`, the other says how long training texts were.
    for key in ["dense_act_fn", "n_positions"] { _ = reader.value(key) }
    try reader.require("is_decoder", false)
    try reader.require("is_encoder_decoder", true)
    guard maximumDistance > buckets / 2 else {
      throw reader.fault(
        .range, "relative_attention_max_distance", "is \(maximumDistance); it must exceed \(buckets / 2)")
    }
  }

  public var fields: [String: JSONValue] {
    [
      "model_type": "t5", "architectures": .list(["T5ForConditionalGeneration"]),
      "vocab_size": .integer(vocabularySize), "d_model": .integer(width), "d_kv": .integer(headWidth),
      "d_ff": .integer(innerWidth), "num_layers": .integer(layers),
      "num_decoder_layers": .integer(decoderLayers), "num_heads": .integer(heads),
      "relative_attention_num_buckets": .integer(buckets),
      "relative_attention_max_distance": .integer(maximumDistance), "dropout_rate": .number(dropout),
      "layer_norm_epsilon": .number(normalizationEpsilon), "initializer_factor": .number(initializerFactor),
      "feed_forward_proj": .text(feedForward.rawValue), "is_encoder_decoder": true,
      "tie_word_embeddings": .flag(isTied), "scale_decoder_outputs": .flag(scalesOutput),
      "pad_token_id": .token(paddingToken), "decoder_start_token_id": .integer(startToken),
      "eos_token_id": .tokens(endTokens),
    ]
  }

  public var probes: [String: [Int]] {
    let inner = feedForward.isGated ? "wi_0" : "wi"
    return [
      "shared.weight": [vocabularySize, width],
      "encoder.block.\(layers - 1).layer.1.DenseReluDense.\(inner).weight": [innerWidth, width],
      "decoder.block.\(decoderLayers - 1).layer.1.EncDecAttention.q.weight": [heads * headWidth, width],
      "encoder.block.0.layer.0.SelfAttention.relative_attention_bias.weight": [buckets, heads],
    ]
  }
}
