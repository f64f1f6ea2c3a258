import Torch

/// The sizes and choices of an architecture, as `config.json` has them.
public protocol ModelConfiguration: Equatable, Sendable {
  /// Reads the keys of `config.json`.
  ///
  /// - Throws: `FileError` that names the key.
  init(_ reader: ConfigurationReader) throws

  /// What `config.json` says, without `null`s.
  var fields: [String: JSONValue] { get }

  /// The shapes of a few tensors that a file of this model must have, by path: looked at before a model of
  /// that size is made.
  var probes: [String: [Int]] { get }
}

extension ConfigurationReader {
  /// Keys that say nothing about what a model computes: about files, training, generation, and outputs of Python.
  static let harmless: Set<String> = [
    "_name_or_path", "_attn_implementation", "_attn_implementation_autoset", "architectures", "auto_map",
    "bad_words_ids", "bos_token_id", "begin_suppress_tokens", "cache_implementation", "classifier_dropout",
    "cls_token_id", "decoder_start_token_id", "directionality", "diversity_penalty", "do_sample", "dtype",
    "early_stopping", "encoder_no_repeat_ngram_size", "eos_token_id", "exponential_decay_length_penalty",
    "finetuning_task", "forced_bos_token_id", "forced_eos_token_id", "gradient_checkpointing", "id2label",
    "initializer_factor", "initializer_range", "keys_to_ignore_at_inference", "label2id", "language",
    "length_penalty", "max_length", "mask_token_id", "min_length", "model_type",
    "no_repeat_ngram_size", "num_beam_groups", "num_beams", "num_return_sequences", "output_attentions",
    "output_hidden_states", "output_past", "output_scores", "pad_token_id", "problem_type",
    "remove_invalid_values", "repetition_penalty", "return_dict", "return_dict_in_generate", "sep_token_id",
    "suppress_tokens", "task_specific_params", "temperature", "tf_legacy_loss",
    "tokenizer_class", "top_k", "top_p", "torch_dtype", "torchscript", "transformers_version", "typical_p",
    "unk_token_id", "use_bfloat16", "use_cache", "pooler_fc_size", "pooler_num_attention_heads",
    "pooler_num_fc_layers", "pooler_size_per_head", "pooler_type", "n_ctx", "vocab_file",
  ]

  /// Refuses what is left, but for keys that say nothing about what a model computes, and for the options of whole
  /// families that are off.
  func finishModel() throws {
    try require("pruned_heads", .object([:]))
    try require("tie_encoder_decoder", false)
    try require("chunk_size_feed_forward", 0)
    guard value("quantization_config") == nil else {
      throw fault(.unsupported, "quantization_config", "quantised weights are not known here")
    }
    try finish(harmless: Self.harmless)
  }
}

/// The element-wise functions of `transformers` by name.
public enum ActivationName: String, Sendable, CaseIterable {
  case gelu, relu, silu, swish, tanh, linear
  case geluNew = "gelu_new"
  case geluTanh = "gelu_pytorch_tanh"
  case geluFast = "gelu_fast"

  /// Applies the function to every element.
  public func callAsFunction(_ x: Tensor) throws -> Tensor {
    switch self {
    case .gelu: try x.gelu()
    case .geluNew, .geluTanh, .geluFast: try x.gelu(approximate: true)
    case .relu: try x.relu()
    case .silu, .swish: try x.silu()
    case .tanh: try x.tanh()
    case .linear: x
    }
  }
}
