@testable import Perennial

extension Method {
  static func gradual(_ every: Int?) -> GradualUnfreezing {
    var options = GradualUnfreezing.Options()
    options.every = every
    return GradualUnfreezing(options)
  }

  static func discriminative(_ change: (inout DiscriminativeFineTuning.Options) -> Void = { _ in })
    -> DiscriminativeFineTuning
  {
    var options = DiscriminativeFineTuning.Options()
    change(&options)
    return DiscriminativeFineTuning(options)
  }

  static func laMAML(_ change: (inout LookaheadMAML.Options) -> Void = { _ in }) -> LookaheadMAML {
    var options = LookaheadMAML.Options()
    (options.memory, options.parts, options.rate) = (13, 3, 0.05)
    change(&options)
    return LookaheadMAML(options)
  }

  static func oml(_ change: (inout OnlineAwareMetaLearning.Options) -> Void = { _ in })
    -> OnlineAwareMetaLearning
  {
    var options = OnlineAwareMetaLearning.Options()
    (options.memory, options.parts) = (13, 3)
    change(&options)
    return OnlineAwareMetaLearning(options)
  }

  /// Those that learn the first experience in their own way too.
  static let ownFirstExperience = ["la-maml", "la-maml, second order", "oml"]

  static let transfer: [Method] = [
    Method("la-maml") { [laMAML()] },
    Method("la-maml, second order") { [laMAML { ($0.secondOrder, $0.batch) = (true, 3) }] },
    Method("oml") { [oml()] },
    Method("feature-extraction") { [FeatureExtraction()] },
    Method("gradual-unfreezing") { [gradual(2)] },
    Method("gradual-unfreezing by epochs") { [gradual(nil)] },
    Method("discriminative-fine-tuning") { [discriminative()] },
    Method("discriminative-fine-tuning, backbone") { [discriminative { $0.backbone = 0.1 }] },
  ]

  /// Those that learn all tasks together.
  static let multiTask: [Method] = [
    Method("soft-sharing") { [Joint.cumulative(), SoftSharing(lambda: 0.1)] },
    Method("cross-stitch") { [Joint.cumulative(), CrossStitch()] },
    Method("uncertainty-weighting") { [Joint.cumulative(), UncertaintyWeighting()] },
  ]

  static let weightlessTransfer: [Method] = [
    Method("discriminative-fine-tuning, κ = 1") { [discriminative { $0.divisor = 1 }] },
    Method("frozen-head") { [FrozenHead(head: "streaming-lda")] },
  ]
}
