import Torch

/// The sizes of a Llama (Touvron et al. 2023) or Qwen2 (Yang et al. 2024) decoder, with the names and defaults of
/// `transformers`' `LlamaConfig` and `Qwen2Config`.
public struct LlamaConfiguration: DecoderConfiguration {
  /// The architectures that share this decoder.
  public enum Family: String, Sendable, CaseIterable {
    case llama
    /// Queries, keys and values have biases.
    case qwen2
  }

  /// The sizes, each by the name that `transformers` gives it in `init`.
  public var family = Family.llama
  public var vocabularySize = 32000
  public var width = 4096
  public var innerWidth = 11008
  public var layers = 32
  public var heads = 32
  /// Heads that have keys and values of their own; each serves `heads` / `keyHeads` neighbours.
  public var keyHeads = 32
  /// The width of a head; nil: the model's by its heads.
  public var headWidth: Int?
  public var activation = ActivationName.silu
  public var maximumLength = 2048
  public var initializerRange = 0.02
  public var normalizationEpsilon = 1e-6
  public var isTied = false
  public var rotaryTheta = 10000.0
  public var rotaryScaling = RotaryScaling.none
  /// Whether queries, keys, values and their mixture have biases (Llama).
  public var hasAttentionBias = false
  public var hasInnerBias = false
  public var attentionDropout = 0.0
  public var beginToken: Int? = 1
  public var endTokens: [Int] = [2]
  public var paddingToken: Int?

  public init() {}

  /// Reads the keys of `config.json`; throws `FileError` that names the key.
  public init(_ reader: ConfigurationReader) throws {
    family = try reader.choice("model_type")
    vocabularySize = try reader.integer("vocab_size", default: family == .llama ? 32000 : 151936)
    width = try reader.integer("hidden_size", default: width)
    innerWidth = try reader.integer("intermediate_size", default: family == .llama ? 11008 : 22016)
    layers = try reader.integer("num_hidden_layers", default: layers)
    heads = try reader.integer("num_attention_heads", default: heads)
    keyHeads = try reader.integer("num_key_value_heads", default: family == .llama ? heads : 32)
    headWidth = try reader.optionalInteger("head_dim")
    activation = try reader.choice("hidden_act", default: activation)
    maximumLength = try reader.integer("max_position_embeddings", default: family == .llama ? 2048 : 32768)
    initializerRange = try reader.number("initializer_range", default: initializerRange, in: 0...1)
    normalizationEpsilon = try reader.number("rms_norm_eps", default: normalizationEpsilon, in: 0...1)
    isTied = try reader.flag("tie_word_embeddings", default: false)
    hasAttentionBias = try family == .llama && reader.flag("attention_bias", default: false)
    hasInnerBias = try family == .llama && reader.flag("mlp_bias", default: false)
    attentionDropout = try reader.probability("attention_dropout", default: 0)
    beginToken = try reader.tokens("bos_token_id").first
    endTokens = try reader.tokens("eos_token_id")
    paddingToken = try reader.optionalInteger("pad_token_id", minimum: 0)
    try readRotary(reader)
    try readWindows(reader)
    // Tensor parallelism: the same sums in another order.
    _ = reader.value("pretraining_tp")
    try reader.require("is_encoder_decoder", false)
    guard heads % keyHeads == 0 else {
      throw reader.fault(
        .range, "num_key_value_heads", "is \(keyHeads), which does not divide \(heads) heads")
    }
    guard headWidth != nil || width % heads == 0 else {
      throw reader.fault(.range, "num_attention_heads", "\(width) does not divide into \(heads) heads")
    }
    guard (headWidth ?? width / heads) % 2 == 0 else {
      throw reader.fault(.range, "head_dim", "heads are of odd width, which cannot be turned in pairs")
    }
    if let paddingToken, paddingToken >= vocabularySize {
      throw reader.fault(.range, "pad_token_id", "is \(paddingToken), outside of \(vocabularySize) tokens")
    }
  }

  /// The rotation's base and scaling: `rope_theta` with `rope_scaling`, or both in `rope_parameters` (transformers 5).
  private mutating func readRotary(_ reader: ConfigurationReader) throws {
    rotaryTheta = try reader.number("rope_theta", default: rotaryTheta, in: 1...1e12)
    let parameters = try reader.part("rope_parameters")
    guard let part = try parameters ?? reader.part("rope_scaling") else { return }
    if parameters != nil { _ = reader.value("rope_scaling") }
    rotaryTheta = try part.number("rope_theta", default: rotaryTheta, in: 1...1e12)
    let key = part.value("rope_type") == nil ? "type" : "rope_type"
    _ = part.value("type")
    switch part.value(key) {
    case nil, .text("default"): rotaryScaling = .none
    case .text("linear"): rotaryScaling = .linear(factor: try part.number("factor", in: 1e-3...1e6))
    case .text("llama3"):
      rotaryScaling = .llama3(
        factor: try part.number("factor", in: 1e-3...1e6),
        lowFactor: try part.number("low_freq_factor", in: 1e-3...1e6),
        highFactor: try part.number("high_freq_factor", in: 1e-3...1e6),
        originalLength: try part.integer("original_max_position_embeddings", default: maximumLength))
      if case .llama3(_, let low, let high, _) = rotaryScaling, low >= high {
        throw part.fault(
          .range, "low_freq_factor", "is \(low), which must be below high_freq_factor, \(high)")
      }
    case .text(let name):
      throw part.fault(.unsupported, key, "is \(name); known are default, linear, llama3")
    case let other?: throw part.fault(.corrupt, key, "is \(other.kind), not a text")
    }
    if case .none = rotaryScaling { _ = part.value("factor") }
    try part.finish()
  }

  /// Sliding windows must be off.
  private func readWindows(_ reader: ConfigurationReader) throws {
    let isOn = try reader.flag("use_sliding_window", default: false)
    guard !isOn else {
      throw reader.fault(.unsupported, "use_sliding_window", "is true; only false is known")
    }
    if family == .qwen2 {
      _ = reader.value("sliding_window")
      _ = reader.value("max_window_layers")
    }
    guard case .list(let types)? = reader.value("layer_types") else { return }
    guard types.allSatisfy({ $0 == "full_attention" }) else {
      throw reader.fault(.unsupported, "layer_types", "only full_attention is known")
    }
  }

  public var fields: [String: JSONValue] {
    let name = family == .llama ? "LlamaForCausalLM" : "Qwen2ForCausalLM"
    var fields: [String: JSONValue] = [
      "model_type": .text(family.rawValue), "architectures": .list([.text(name)]),
      "vocab_size": .integer(vocabularySize), "hidden_size": .integer(width),
      "intermediate_size": .integer(innerWidth), "num_hidden_layers": .integer(layers),
      "num_attention_heads": .integer(heads), "num_key_value_heads": .integer(keyHeads),
      "hidden_act": .text(activation.rawValue), "max_position_embeddings": .integer(maximumLength),
      "initializer_range": .number(initializerRange), "rms_norm_eps": .number(normalizationEpsilon),
      "tie_word_embeddings": .flag(isTied), "attention_dropout": .number(attentionDropout),
      "rope_theta": .number(rotaryTheta), "rope_scaling": scalingField, "bos_token_id": .token(beginToken),
      "eos_token_id": .tokens(endTokens), "pad_token_id": .token(paddingToken),
    ]
    if let headWidth { fields["head_dim"] = .integer(headWidth) }
    if family == .llama {
      fields["attention_bias"] = .flag(hasAttentionBias)
      fields["mlp_bias"] = .flag(hasInnerBias)
    } else {
      fields["use_sliding_window"] = false
    }
    return fields
  }

  private var scalingField: JSONValue {
    switch rotaryScaling {
    case .none: .null
    case .linear(let factor): .object(["rope_type": "linear", "factor": .number(factor)])
    case .llama3(let factor, let low, let high, let length):
      .object([
        "rope_type": "llama3", "factor": .number(factor), "low_freq_factor": .number(low),
        "high_freq_factor": .number(high), "original_max_position_embeddings": .integer(length),
      ])
    }
  }

  public var probes: [String: [Int]] {
    [
      "model.embed_tokens.weight": [vocabularySize, width],
      "model.layers.\(layers - 1).mlp.up_proj.weight": [innerWidth, width],
      "model.layers.\(layers - 1).self_attn.q_proj.weight": [heads * (headWidth ?? width / heads), width],
    ]
  }
}
