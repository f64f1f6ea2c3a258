@testable import Perennial

extension Method {
  static func eeil(_ change: (inout EndToEndIncrementalLearning.Options) -> Void = { _ in })
    -> EndToEndIncrementalLearning
  {
    var options = EndToEndIncrementalLearning.Options()
    options.memory = 13
    (options.fineTuning.epochs, options.fineTuning.batch) = (2, 5)
    change(&options)
    return EndToEndIncrementalLearning(options)
  }

  static func iCaRL(_ change: (inout ICaRL.Options) -> Void = { _ in }) -> ICaRL {
    var options = ICaRL.Options()
    options.memory = 13
    change(&options)
    return ICaRL(options)
  }

  static func bic(_ change: (inout BiasCorrection.Options) -> Void = { _ in }) -> BiasCorrection {
    var options = BiasCorrection.Options()
    options.memory = 13
    change(&options)
    return BiasCorrection(options)
  }

  static func wa(_ change: (inout WeightAligning.Options) -> Void = { _ in }) -> WeightAligning {
    var options = WeightAligning.Options()
    options.memory = 13
    change(&options)
    return WeightAligning(options)
  }

  static func lucir(_ change: (inout UnifiedClassifier.Options) -> Void = { _ in }) -> UnifiedClassifier {
    var options = UnifiedClassifier.Options()
    options.memory = 13
    change(&options)
    return UnifiedClassifier(options)
  }

  static func podnet(_ change: (inout PooledOutputsDistillation.Options) -> Void = { _ in })
    -> PooledOutputsDistillation
  {
    var options = PooledOutputsDistillation.Options()
    options.memory = 13
    (options.fineTuning.epochs, options.fineTuning.batch) = (2, 5)
    change(&options)
    return PooledOutputsDistillation(options)
  }

  static func lwm(_ change: (inout LearningWithoutMemorizing.Options) -> Void = { _ in })
    -> LearningWithoutMemorizing
  {
    var options = LearningWithoutMemorizing.Options()
    change(&options)
    return LearningWithoutMemorizing(options)
  }

  /// Those that learn from exemplars beside an experience.
  static let exemplarDistillation: [Method] = [
    Method("icarl") { [iCaRL()] },
    Method("icarl softmax") { [iCaRL { $0.variant = .softmax }] },
    Method("eeil") { [eeil()] },
    Method("eeil, so many a class") { [eeil { $0.perClass = 3 }] },
    Method("bic") { [bic { $0.heldOut = 0.3 }] },
    Method("wa") { [wa()] },
    Method("wa positive") { [wa { $0.positive = true }] },
    Method("lucir") { [lucir()] },
    Method("podnet") { [podnet()] },
  ]

  static let classIncremental: [Method] =
    exemplarDistillation + [Method("lwf-mc") { [LwFMultiClass()] }, Method("lwm") { [lwm()] }]

  /// Those with a loss or weights of their own from the first experience on.
  static let classIncrementalFromTheStart = ["icarl", "lwf-mc", "podnet", "wa positive"]

  static let weightlessClassIncremental: [Method] = [
    Method("lwm, β = γ = 0") { [lwm { ($0.beta, $0.gamma) = (0, 0) }] }
  ]

  /// Nothing left of each but the exemplars.
  static let exemplarsAlone: [Method] = [
    Method("eeil, w = 0") {
      [
        eeil {
          $0.weight = 0
          $0.fineTuning.epochs = 0
        }
      ]
    },
    Method("bic, λ = 0, nothing held out") { [bic { ($0.lambda, $0.heldOut) = (0, 0) }] },
    Method("wa, λ = 0, not aligned") { [wa { ($0.lambda, $0.align) = (0, false) }] },
    Method("lucir, λ = w = 0") {
      [lucir { ($0.lambda, $0.ranking, $0.imprint, $0.freezeOld) = (0, 0, false, false) }]
    },
  ]
}
