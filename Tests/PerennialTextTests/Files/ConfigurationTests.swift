import Foundation
import Testing
import Torch

@testable import PerennialText

/// `config.json` is taken strictly: what would change the mathematics and is not known is refused by its name.
struct ConfigurationTests {
  private func reader(_ model: String, _ changes: [String: JSONValue?]) throws -> ConfigurationReader {
    guard case .object(var object) = try JSONValue(contentsOf: Golden.model(model).file("config.json")) else {
      throw TorchError(.other, "no object")
    }
    for (key, value) in changes { object[key] = value }
    return ConfigurationReader(object, file: "config.json")
  }

  private func read(_ model: String, _ changes: [String: JSONValue?]) throws {
    let reader = try reader(model, changes)
    switch model {
    case "gpt2": _ = try GPT2Configuration(reader)
    case "bert": _ = try BERTConfiguration(reader)
    case "t5": _ = try T5Configuration(reader)
    default: _ = try LlamaConfiguration(reader)
    }
    try reader.finishModel()
  }

  @Test(arguments: [
    ("gpt2", "scale_attn_by_inverse_layer_idx", JSONValue.flag(true)), ("gpt2", "add_cross_attention", true),
    ("gpt2", "activation_function", "quick_gelu"), ("gpt2", "n_heads", 4),
    ("gpt2", "quantization_config", .object([:])),
    ("gpt2", "tie_encoder_decoder", true), ("bert", "position_embedding_type", "relative_key"),
    ("bert", "is_decoder", true), ("bert", "hidden_act", "mish"), ("llama3", "use_sliding_window", true),
    ("llama3", "sliding_window", 16), ("llama3", "partial_rotary_factor", 0.5), ("llama3", "logit_scale", 2),
    ("qwen2", "layer_types", .list(["sliding_attention"])), ("qwen2", "use_sliding_window", true),
    ("t5", "feed_forward_proj", "gated-mish"), ("t5", "is_gated_act", true), ("t5", "is_decoder", true),
  ]) func whatIsNotKnownIsRefusedByName(_ model: String, _ key: String, _ value: JSONValue) throws {
    let error = try #require(throws: FileError.self) { try read(model, [key: value]) }
    #expect(error.kind == .unsupported)
    #expect(error.description.contains(key))
  }

  @Test(arguments: ["dynamic", "yarn", "longrope", "su"]) func otherRotaryScalingsAreRefusedByName(
    _ name: String
  ) throws {
    for key in ["rope_scaling", "rope_parameters"] {
      let scaling: JSONValue = .object(["rope_type": .text(name), "factor": 2])
      let error = try #require(throws: FileError.self) {
        var changes: [String: JSONValue?] = ["rope_parameters": .some(nil)]
        changes[key] = scaling
        try read("llama3", changes)
      }
      #expect(error.kind == .unsupported)
      #expect(error.description.contains(name))
    }
  }

  /// transformers 4 wrote `rope_theta` and `rope_scaling`, with `type` before 4.43; 5 writes `rope_parameters`.
  @Test func bothSpellingsOfRotaryScaling() throws {
    for type in ["type", "rope_type"] {
      let configuration = try LlamaConfiguration(
        reader(
          "llama3",
          [
            "rope_parameters": .some(nil), "rope_theta": 500,
            "rope_scaling": .object([type: "linear", "factor": 2]),
          ]))
      #expect(configuration.rotaryScaling == .linear(factor: 2))
      #expect(configuration.rotaryTheta == 500)
    }
    #expect(try LlamaConfiguration(reader("llama-linear", [:])).rotaryScaling == .linear(factor: 2))
  }

  @Test(arguments: [
    ("gpt2", "n_embd", JSONValue.text("16"), FileError.Kind.corrupt), ("gpt2", "n_embd", 0, .range),
    ("gpt2", "n_embd", -4, .range), ("gpt2", "n_embd", 1.5, .corrupt), ("gpt2", "n_head", 3, .range),
    ("gpt2", "resid_pdrop", 1.0, .range), ("gpt2", "layer_norm_epsilon", "small", .corrupt),
    ("gpt2", "tie_word_embeddings", 1, .corrupt), ("gpt2", "vocab_size", .integer(1 << 40), .range),
    ("gpt2", "eos_token_id", "end", .corrupt), ("llama3", "num_key_value_heads", 3, .range),
    ("llama3", "head_dim", 7, .range), ("llama3", "rope_parameters", 3, .corrupt),
    ("llama3", "pad_token_id", 97, .range), ("bert", "pad_token_id", 97, .range),
    ("t5", "relative_attention_max_distance", 2, .range), ("t5", "relative_attention_num_buckets", 1, .range),
  ]) func wrongValuesAreRefused(_ model: String, _ key: String, _ value: JSONValue, _ kind: FileError.Kind)
    throws
  {
    let error = try #require(throws: FileError.self) { try read(model, [key: value]) }
    #expect(error.kind == kind)
    #expect(error.description.contains(key))
  }

  /// As `transformers` has it: a BERT whose file says nothing of filling fills up with 0, one whose file says null with nothing.
  @Test func fillingThatIsNotSaid() throws {
    let said = try JSONValue(contentsOf: Golden.model("bert").file("config.json"))
    guard case .object(var fields) = said else {
      Issue.record("config.json is no object")
      return
    }
    fields["pad_token_id"] = nil
    #expect(try BERTConfiguration(ConfigurationReader(fields, file: "a")).paddingToken == 0)
    fields["pad_token_id"] = .null
    #expect(try BERTConfiguration(ConfigurationReader(fields, file: "a")).paddingToken == nil)
  }

  @Test func harmlessKeysPass() throws {
    try read(
      "gpt2", ["task_specific_params": .object([:]), "use_cache": false, "_name_or_path": "x", "n_ctx": 99])
    try read("bert", ["gradient_checkpointing": false, "position_embedding_type": "absolute"])
    try read("t5", ["output_past": true, "n_positions": 512])
  }

  /// transformers 5 refuses `1` where it wants a floating-point number.
  @Test func numbersKeepTheirPoint() throws {
    let value: JSONValue = .object([
      "a": 1.0, "b": 1, "c": 1e-12, "d": .text("\"\n\\ü"), "e": .list([nil, true]), "f": .object([:]),
    ])
    let text = value.text
    #expect(text.contains("\"a\": 1.0,") && text.contains("\"b\": 1,"))
    let folder = try TemporaryFolder()
    let file = folder.model.file("value.json")
    try value.data().write(to: file)
    #expect(
      try JSONValue(contentsOf: file)
        == .object([
          "a": 1, "b": 1, "c": 1e-12, "d": .text("\"\n\\ü"), "e": .list([nil, true]), "f": .object([:]),
        ]))
  }

  @Test func anotherArchitectureIsRefused() throws {
    let error = try #require(throws: FileError.self) { try Golden.model("bert").load(GPT2.self) }
    #expect(error.place == .entry("model_type"))
    #expect(error.message.contains("bert"))
  }

  /// A configuration larger than its weights is found out before memory is taken for it.
  @Test func giantSizesAreComparedWithTheFileFirst() throws {
    let folder = try TemporaryFolder(copying: "gpt2")
    guard case .object(var object) = try JSONValue(contentsOf: folder.model.file("config.json")) else {
      return
    }
    object["n_embd"] = .integer(1 << 29)
    try JSONValue.object(object).data().write(to: folder.model.file("config.json"))
    let error = try #require(throws: WeightMismatch.self) { try folder.model.load(GPT2.self) }
    #expect(!error.misshaped.isEmpty)
  }

  @Test func poolingOfSentenceTransformers() throws {
    func pooling(_ config: [String: JSONValue], normalize: Bool) throws -> SentencePooling {
      let folder = try TemporaryFolder()
      var modules: [JSONValue] = [
        .object(["idx": 0, "path": "", "type": "sentence_transformers.models.Transformer"]),
        .object(["idx": 1, "path": "1_Pooling", "type": "sentence_transformers.models.Pooling"]),
      ]
      if normalize {
        modules.append(.object(["path": "2_Normalize", "type": "sentence_transformers.models.Normalize"]))
      }
      try JSONValue.list(modules).data().write(to: folder.model.file("modules.json"))
      try FileManager.default.createDirectory(
        at: folder.model.file("1_Pooling"), withIntermediateDirectories: true)
      try JSONValue.object(config).data().write(to: folder.model.file("1_Pooling/config.json"))
      return try SentencePooling(folder: folder.model)
    }
    #expect(
      try pooling(["pooling_mode_mean_tokens": true], normalize: true)
        == SentencePooling(.mean, isNormalized: true))
    #expect(try pooling(["pooling_mode_cls_token": true], normalize: false) == SentencePooling(.first))
    #expect(try pooling(["pooling_mode": "lasttoken"], normalize: false) == SentencePooling(.last))
    #expect(throws: FileError.self) {
      try pooling(["pooling_mode_cls_token": true, "pooling_mode_mean_tokens": true], normalize: false)
    }
    #expect(throws: FileError.self) {
      try pooling(["pooling_mode_mean_sqrt_len_tokens": true], normalize: false)
    }
    #expect(throws: FileError.self) { try pooling([:], normalize: false) }
  }
}
