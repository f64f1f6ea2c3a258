@testable import Perennial

extension Method {
  /// A distillation as a recipe writes it.
  static func distillation(_ options: String) throws -> Distillation {
    try Distillation(ConfigurationNode(yaml: options, source: "test.yaml").decode(Distillation.Options.self))
  }

  private static func taught(_ name: String, _ options: String) -> Method {
    Method("distillation, \(name)") { (try? [distillation(options)]) ?? [] }
  }

  /// Those that have a teacher in the first experience too.
  static let taughtFromTheStart = [
    "distillation, moving average", "distillation, moving average that is trusted with what it knows",
    "distillation, moving average with a regressor",
  ]

  static let distillations: [Method] = [
    taught("past self", "{teacher: past-self, temperature: 2}"),
    taught("hint", "{terms: [{hint: {taps: [features], regressor: batch-norm-relu}, weight: 0.3}]}"),
    taught("vid", "{terms: [{vid: {taps: [hidden]}, weight: {from: 0, to: 0.5, until: 0.5}}], hard: 0.8}"),
    taught("crd", "{terms: [{crd: {dimension: 5, negatives: 7}, weight: 0.1}]}"),
    taught("crd of the batch", "{terms: [{crd: {contrast: batch, dimension: 4}, weight: 0.1}, kd]}"),
    taught("rkd and ctkd", "{terms: [{rkd: {}, weight: 0.1}, {ctkd: {}, weight: 0.2}], weight: 0.5}"),
    taught(
      "balanced", "{terms: [{kd: {class_weights: balanced}}], trust: entropy, weight: {from: 1, to: 0}}"),
    taught("moving average", "{teacher: {ema: {decay: 0.9}}, terms: [logits, {kd: {temperature: 1}}]}"),
    taught(
      "moving average with a regressor",
      "{teacher: {ema: {decay: 0.5}}, terms: [{hint: {taps: [hidden], regressor: batch-norm}}]}"),
    taught("moving average that is trusted with what it knows", "{teacher: ema, trust: novelty}"),
    Method("distillation, remembered items") {
      [replay()] + ((try? [distillation("{items: remembered, trust: loss, terms: [kd, crd]}")]) ?? [])
    },
    Method("distillation, fresh items") {
      [replay()] + ((try? [distillation("{items: fresh, terms: [crd]}")]) ?? [])
    },
    Method("boundaries and distillation") {
      boundaries { $0.every = 2 }
        + ((try? [distillation("{terms: [kd, crd, {hint: {taps: [features]}}]}")]) ?? [])
    },
  ]

  static let weightlessDistillation: [Method] = [
    taught("w = 0", "{weight: 0, terms: [kd, {vid: {taps: [features]}}]}"),
    taught(
      "every term 0",
      "{teacher: ema, terms: [{kd: {}, weight: 0}, {hint: {taps: [features], regressor: batch-norm}, weight: 0}, "
        + "{crd: {}, weight: 0}, {vid: {taps: [features]}, weight: {from: 0, to: 0}}]}"),
  ]
}
