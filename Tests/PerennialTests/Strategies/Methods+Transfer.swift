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

  static let transfer: [Method] = [
    Method("feature-extraction") { [FeatureExtraction()] },
    Method("gradual-unfreezing") { [gradual(2)] },
    Method("gradual-unfreezing by epochs") { [gradual(nil)] },
    Method("discriminative-fine-tuning") { [discriminative()] },
    Method("discriminative-fine-tuning, backbone") { [discriminative { $0.backbone = 0.1 }] },
  ]

  static let weightlessTransfer: [Method] = [
    Method("discriminative-fine-tuning, κ = 1") { [discriminative { $0.divisor = 1 }] },
    Method("frozen-head") { [FrozenHead(head: "streaming-lda")] },
  ]
}
