import Foundation

extension LowRankConfiguration {
  private typealias Object = [String: Any]

  /// What PEFT writes that changes nothing of what an adapter computes.
  private static let harmless: Set<String> = [
    "peft_version", "auto_mapping", "revision", "inference_mode", "init_lora_weights", "task_type",
    "base_model_name_or_path", "fan_in_fan_out", "megatron_core", "runtime_config", "lora_ga_config",
    "qalora_group_size", "eva_config", "corda_config", "loftq_config", "ensure_weight_tying",
  ]

  /// Ways to begin after which the model's own weights are others than its folder's.
  private static let changingTheBase = ["pissa", "olora", "corda", "loftq", "lora_ga"]

  /// - Parameter file: its name, for errors.
  /// - Throws: `AdapterError.file` naming what is wrong, or what is asked for that adapters here do not do.
  init(peft data: Data, file: String) throws {
    let object = try PEFTObject(data, file: file)
    _ = try object.kind(among: ["LORA"])
    if let start = object["init_lora_weights"] as? String,
      let kind = Self.changingTheBase.first(where: { start.lowercased().hasPrefix($0) })
    {
      throw object.refuse(
        "`init_lora_weights: \(start)` changes the weights of the model too, which are not in the folder: "
          + "save an adapter of the weights as they were, which PEFT calls conversion, or merge it first (\(kind))"
      )
    }
    rank = try object.value("r", Int.self)
    alpha = try object.value("lora_alpha", Double.self, default: 8)
    dropout = try object.value("lora_dropout", Double.self, default: 0)
    isRankStabilized = try object.value("use_rslora", Bool.self, default: false)
    hasMagnitude = try object.value("use_dora", Bool.self, default: false)
    rankPattern = try object.value("rank_pattern", [String: Int].self, default: [:])
    alphaPattern = try object.value("alpha_pattern", [String: Double].self, default: [:])
    modulesToSave = try object.value("modules_to_save", [String].self, default: [])
    baseModel = object["base_model_name_or_path"] as? String
    taskType = object["task_type"] as? String
    switch object["layers_to_transform"] {
    case nil: break
    case let block as Int: blocks = [block]
    case let list as [Int]: blocks = list
    case let other?: throw object.refuse("`layers_to_transform` has the wrong type: \(other)")
    }
    switch object["target_modules"] {
    case let names as [String]: targets = .named(names)
    case "all-linear" as String: targets = .allLinear
    case let pattern as String: targets = .matching(pattern)
    default: throw object.refuse("`target_modules` must be a list of names or a regular expression")
    }
    guard rank > 0, (0..<1).contains(dropout), rankPattern.values.allSatisfy({ $0 > 0 }) else {
      throw object.refuse("`r` must be at least 1 and `lora_dropout` in [0, 1)")
    }
    let known = Self.harmless.union([
      "peft_type", "r", "lora_alpha", "lora_dropout", "use_rslora", "use_dora", "rank_pattern",
      "alpha_pattern", "modules_to_save", "layers_to_transform", "target_modules",
    ])
    try object.finish(known: known)
  }

  /// `adapter_config.json`
  func peft() throws -> Data {
    var object: Object = [
      "peft_type": "LORA", "r": rank, "lora_alpha": Self.number(alpha), "lora_dropout": dropout,
      "use_rslora": isRankStabilized, "use_dora": hasMagnitude, "rank_pattern": rankPattern,
      "alpha_pattern": alphaPattern.mapValues(Self.number), "bias": "none", "fan_in_fan_out": false,
      "inference_mode": true, "init_lora_weights": true,
      "modules_to_save": modulesToSave.isEmpty ? NSNull() : modulesToSave,
      "layers_to_transform": blocks ?? NSNull(), "base_model_name_or_path": baseModel ?? NSNull(),
      "task_type": taskType ?? NSNull(), "revision": NSNull(),
    ]
    switch targets {
    case .named(let names): object["target_modules"] = names
    case .matching(let pattern): object["target_modules"] = pattern
    case .allLinear: object["target_modules"] = "all-linear"
    }
    return try JSONSerialization.data(withJSONObject: object, options: [.prettyPrinted, .sortedKeys])
  }

  /// A whole number as one: PEFT's α is one most of the time.
  private static func number(_ value: Double) -> Any { Int(exactly: value) ?? value }
}
