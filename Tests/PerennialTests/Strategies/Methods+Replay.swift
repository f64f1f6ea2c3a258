@testable import Perennial

extension Method {
  /// Methods that rehearse within the first experience already are called `replay …`, for the law of the first
  /// experience does not hold for them.
  static let replays: [Method] = [
    Method("replay herding") { [selective(.herding)] },
    Method("replay entropy") { [selective(.entropy)] },
    Method("replay distance") { [selective(.distance)] },
    Method("replay der") { [der()] },
    Method("replay der++") { [derPlus()] },
    Method("replay er-ace") { [asymmetric()] },
    Method("replay mir") { [mir()] },
    Method("replay gss") { [gss()] },
    Method("replay hal") { [hal()] },
    Method("replay mer") { [mer()] },
    Method("a-gem") { [averaged()] },
    Method("gem") { [gem()] },
    Method("gem of some items") { [gem { ($0.batch, $0.margin) = (2, 0) }] },
  ]

  static let weightlessReplay: [Method] = [
    Method("der, α = 0") { [der { $0.alpha = 0 }] },
    Method("der++, α = β = 0") { [derPlus { ($0.alpha, $0.beta) = (0, 0) }] },
  ]

  static func selective(_ selection: ExemplarSelection) -> Replay {
    replay { ($0.insert, $0.selection, $0.policy) = (.end, selection, .classBalanced) }
  }

  static func der(_ change: (inout DarkExperienceReplay.Options) -> Void = { _ in }) -> DarkExperienceReplay {
    var options = DarkExperienceReplay.Options()
    options.memory = 13
    change(&options)
    return DarkExperienceReplay(options)
  }

  static func derPlus(_ change: (inout DarkExperienceReplay.PlusOptions) -> Void = { _ in })
    -> DarkExperienceReplay
  {
    var options = DarkExperienceReplay.PlusOptions()
    options.memory = 13
    change(&options)
    return DarkExperienceReplay(options)
  }

  static func asymmetric() -> AsymmetricReplay {
    var options = AsymmetricReplay.Options()
    options.memory = 13
    return AsymmetricReplay(options)
  }

  static func mir(_ change: (inout MaximallyInterferedRetrieval.Options) -> Void = { _ in })
    -> MaximallyInterferedRetrieval
  {
    var options = MaximallyInterferedRetrieval.Options()
    (options.memory, options.candidates) = (23, 12)
    change(&options)
    return MaximallyInterferedRetrieval(options)
  }

  static func averaged(_ change: (inout AveragedGradientEpisodicMemory.Options) -> Void = { _ in })
    -> AveragedGradientEpisodicMemory
  {
    var options = AveragedGradientEpisodicMemory.Options()
    (options.memory, options.batch) = (13, 8)
    change(&options)
    return AveragedGradientEpisodicMemory(options)
  }

  static func gem(_ change: (inout GradientEpisodicMemory.Options) -> Void = { _ in })
    -> GradientEpisodicMemory
  {
    var options = GradientEpisodicMemory.Options()
    options.memory = 13
    change(&options)
    return GradientEpisodicMemory(options)
  }

  static func gss() -> GradientSampleSelection {
    var options = GradientSampleSelection.Options()
    (options.memory, options.strength) = (13, 4)
    return GradientSampleSelection(options)
  }

  static func hal(_ change: (inout HindsightAnchorLearning.Options) -> Void = { _ in })
    -> HindsightAnchorLearning
  {
    var options = HindsightAnchorLearning.Options()
    (options.memory, options.steps) = (13, 5)
    change(&options)
    return HindsightAnchorLearning(options)
  }

  static func mer(_ change: (inout MetaExperienceReplay.Options) -> Void = { _ in }) -> MetaExperienceReplay {
    var options = MetaExperienceReplay.Options()
    (options.memory, options.batch, options.passes, options.beta, options.gamma) = (13, 3, 2, 0.7, 0.5)
    change(&options)
    return MetaExperienceReplay(options)
  }
}
