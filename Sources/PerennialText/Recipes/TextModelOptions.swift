import Perennial

/// Options of `encoder`: a folder with a BERT encoder, as `sentence-transformers` writes it.
struct EncoderOptions: Configurable {
  /// The folder, below the data root unless absolute.
  var path = ""
  /// How the vectors of tokens become one; as the folder says when nil.
  var pooling: SentencePooling.Kind?
  var normalize: Bool?
  /// The folder of a low-rank adapter of PEFT's that is made part of the encoder.
  var adapter: String?
  /// The layers that are kept, counted from 1; all when nil.
  var layers: [Int]?

  func validate(at node: ConfigurationNode) throws {
    guard !path.isEmpty else { throw node.error("missing key `path`: the folder of the model") }
    if let layers, layers.isEmpty || layers != Set(layers).sorted() || layers[0] < 1 {
      throw node.error(
        at: "layers", "must be numbers from 1 in ascending order, such as [2, 4, 6], found \(layers)")
    }
  }
}

/// The options that every Transformer from scratch has.
protocol FreshTransformerOptions: Configurable {
  var layers: Int { get }
  var heads: Int { get }
  var width: Int { get }
  /// Of the inner layers; a multiple of the width when nil.
  var inner: Int? { get }
  var dropout: Double { get }
}

extension FreshTransformerOptions {
  func validate(at node: ConfigurationNode) throws { try validateSizes(at: node) }

  func validateSizes(at node: ConfigurationNode) throws {
    for (key, value) in [("layers", layers), ("heads", heads), ("width", width)] {
      try node.require(key, value, atLeast: 1)
    }
    try node.require("inner", inner, atLeast: 1)
    try node.require("dropout", dropout, in: 0..<1)
    guard width % heads == 0 else { throw node.error(at: "width", "must divide by `heads`, \(heads)") }
  }
}

/// Options of `bert`: an encoder from scratch.
struct FreshEncoderOptions: FreshTransformerOptions {
  var layers = 4
  var heads = 4
  var width = 128
  /// Of the inner layers; four times the width when nil.
  var inner: Int?
  var dropout = 0.1
  var pooling = SentencePooling.Kind.mean
}

/// Options of `gpt`, a GPT-2 from scratch, and of `llama`.
struct FreshDecoderOptions: FreshTransformerOptions {
  var layers = 4
  var heads = 4
  var width = 128
  /// Of the inner layers; four times the width, for `llama` 8/3 of it, when nil.
  var inner: Int?
  /// `llama` alone: heads with keys and values of their own; as many as heads when nil.
  var keyHeads: Int?
  var dropout = 0.0

  func validate(at node: ConfigurationNode) throws {
    try validateSizes(at: node)
    try node.require("key_heads", keyHeads, atLeast: 1)
  }
}

/// Options of `language-model`, a folder with a GPT-2, Llama or Qwen2 as `transformers` writes it, and of
/// `encoder-decoder`, one with a T5.
struct LanguageModelOptions: Configurable {
  /// The folder, below the data root unless absolute.
  var path = ""
  /// The folder of a low-rank adapter of PEFT's that is made part of the model.
  var adapter: String?

  func validate(at node: ConfigurationNode) throws {
    guard !path.isEmpty else { throw node.error("missing key `path`: the folder of the model") }
  }
}

/// Options of `t5`, an encoder-decoder from scratch.
struct FreshEncoderDecoderOptions: FreshTransformerOptions {
  /// Of each half.
  var layers = 3
  var heads = 4
  var width = 256
  /// Of the inner layers; four times the width when nil.
  var inner: Int?
  var dropout = 0.1
}

/// Options of `memory-network`, which reads `stories`.
struct MemoryNetworkOptions: Configurable {
  var kind = MemoryNetworkConfiguration.Kind.endToEnd
  var width = 20
  var hops = 3

  func validate(at node: ConfigurationNode) throws {
    for (key, value) in [("width", width), ("hops", hops)] { try node.require(key, value, atLeast: 1) }
  }
}

/// Options of the objective `writing`.
struct WritingOptions: Configurable {
  var score = WritingScore.bleu
  var labelSmoothing = 0.0
  /// The most tokens that are written for the score; as many as the longest reference's row when nil.
  var tokens: Int?

  func validate(at node: ConfigurationNode) throws {
    try node.require("label_smoothing", labelSmoothing, in: 0..<1)
    try node.require("tokens", tokens, atLeast: 1)
  }
}
