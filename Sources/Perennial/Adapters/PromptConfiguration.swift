import Foundation

/// What a folder with a prompt says of it, as PEFT's `adapter_config.json`.
public struct PromptConfiguration: Equatable, Sendable {
  /// What stands in front.
  public enum Kind: String, Sendable, CaseIterable {
    case prompt = "PROMPT_TUNING"
    case prefix = "PREFIX_TUNING"
  }

  /// What stands in front.
  public var kind: Kind
  /// P
  public var length: Int
  /// Where the model comes from that the prompt belongs to.
  public var baseModel: String?
  public var taskType: String?

  public init(_ kind: Kind, length: Int, baseModel: String? = nil, taskType: String? = nil) {
    (self.kind, self.length, self.baseModel, self.taskType) = (kind, length, baseModel, taskType)
  }

  /// What PEFT writes that changes nothing of what a prompt computes.
  private static let harmless: Set<String> = [
    "auto_mapping", "base_model_name_or_path", "inference_mode", "peft_version", "revision", "task_type",
    "prompt_tuning_init", "prompt_tuning_init_text", "tokenizer_kwargs", "tokenizer_name_or_path",
    "init_weights",
    "encoder_hidden_size", "prefix_projection", "num_attention_heads",
  ]

  /// - Throws: `AdapterError.file` naming what is wrong, or asked for and not done here.
  init(peft data: Data, file: String, for shape: PromptShape) throws {
    let object = try PEFTObject(data, file: file)
    let name = try object.kind(among: Kind.allCases.map(\.rawValue))
    guard let kind = Kind(rawValue: name) else { throw object.refuse("`peft_type` is \(name)") }
    self.init(
      kind, length: try object.value("num_virtual_tokens", Int.self),
      baseModel: object["base_model_name_or_path"] as? String, taskType: object["task_type"] as? String)
    guard length > 0 else { throw object.refuse("`num_virtual_tokens` must be at least 1, not \(length)") }
    guard try object.value("num_transformer_submodules", Int.self, default: 1) == 1 else {
      throw object.refuse(
        "`num_transformer_submodules` must be 1: a decoder beside an encoder takes no prompt of its own")
    }
    let width = kind == .prefix ? shape.groups * shape.headWidth : shape.width
    for (key, own) in [("num_layers", shape.layers), ("token_dim", width)] {
      let found = try object.value(key, Int.self, default: own)
      guard found == own else {
        throw object.refuse("`\(key)` is \(found), and the model has \(own): the prompt belongs to another")
      }
    }
    try object.finish(
      known: Self.harmless.union([
        "peft_type", "num_virtual_tokens", "num_transformer_submodules", "num_layers", "token_dim",
      ]))
  }

  /// `adapter_config.json`
  func peft(for shape: PromptShape) throws -> Data {
    let width = kind == .prefix ? shape.groups * shape.headWidth : shape.width
    var object: [String: Any] = [
      "peft_type": kind.rawValue, "num_virtual_tokens": length, "num_transformer_submodules": 1,
      "num_layers": shape.layers, "token_dim": width, "num_attention_heads": max(width / shape.headWidth, 1),
      "inference_mode": true, "base_model_name_or_path": baseModel ?? NSNull(),
      "task_type": taskType ?? NSNull(),
      "revision": NSNull(), "auto_mapping": NSNull(), "modules_to_save": NSNull(),
    ]
    switch kind {
    case .prompt: object["prompt_tuning_init"] = "RANDOM"
    case .prefix: (object["prefix_projection"], object["encoder_hidden_size"]) = (false, width)
    }
    return try JSONSerialization.data(withJSONObject: object, options: [.prettyPrinted, .sortedKeys])
  }
}
