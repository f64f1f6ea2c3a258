@testable import Perennial

extension Method {
  static func lora(_ change: (inout LowRankAdaptation.Options) -> Void = { _ in }) -> LowRankAdaptation {
    var options = LowRankAdaptation.Options()
    options.rank = 2
    change(&options)
    return LowRankAdaptation(options)
  }

  static func perTask(_ change: (inout AdapterPerTask.Options) -> Void) -> AdapterPerTask {
    var options = AdapterPerTask.Options()
    change(&options)
    return AdapterPerTask(options)
  }

  static func olora(_ change: (inout OrthogonalAdaptation.Options) -> Void = { _ in }) -> OrthogonalAdaptation
  {
    var options = OrthogonalAdaptation.Options()
    options.rank = 2
    change(&options)
    return OrthogonalAdaptation(options)
  }

  static func progressive(_ change: (inout ProgressivePrompts.Options) -> Void = { _ in })
    -> ProgressivePrompts
  {
    var options = ProgressivePrompts.Options()
    (options.length, options.projection) = (2, 6)
    change(&options)
    return ProgressivePrompts(options)
  }

  static func l2p(_ change: (inout LearningToPrompt.Options) -> Void = { _ in }) -> LearningToPrompt {
    var options = LearningToPrompt.Options()
    (options.pool, options.length, options.selected) = (6, 2, 2)
    change(&options)
    return LearningToPrompt(options)
  }

  static func bottleneck(_ change: (inout BottleneckAdaptation.Options) -> Void = { _ in })
    -> BottleneckAdaptation
  {
    var options = BottleneckAdaptation.Options()
    options.width = 3
    change(&options)
    return BottleneckAdaptation(options)
  }

  static func prefix(_ projection: Int?) -> PrefixTuning {
    var options = PrefixTuning.Options()
    (options.length, options.projection) = (3, projection)
    return PrefixTuning(options)
  }

  /// All rest the backbone, from the first experience on or from the second.
  static let adapters: [Method] = [
    Method("lora") { [lora()] },
    Method("lora with lengths, dropout, and replay") {
      [lora { ($0.variant, $0.dropout) = (.dora, 0.2) }, replay()]
    },
    Method("lora stabilised, and ewc") { [lora { $0.variant = .rslora }, ewc()] },
    Method("lora-per-task") { [AdapterPerTask()] },
    Method("lora-per-task, first session") { [perTask { $0.firstSession = true }] },
    Method("o-lora") { [olora { ($0.orthogonality, $0.shrinkage) = (0.5, 0.01) }] },
    Method("o-lora, no penalty") { [olora { $0.orthogonality = 0 }] },
    Method("bottleneck") { [bottleneck { $0.targets = ["hidden"] }] },
    Method("bottleneck, pfeiffer, and ewc") { [bottleneck { $0.placement = .pfeiffer }, ewc()] },
    Method("prompt-tuning") { [PromptTuning()] },
    Method("prefix-tuning") { [prefix(nil)] },
    Method("prefix-tuning, projected, and replay") { [prefix(5), replay()] },
    Method("progressive-prompts") { [progressive()] },
    Method("progressive-prompts, plain") { [progressive { $0.projection = 0 }] },
    Method("l2p") { [l2p()] },
    Method("l2p, tokens read out") { [l2p { ($0.readout, $0.pull) = (.tokens, 0.1) }] },
  ]
}
