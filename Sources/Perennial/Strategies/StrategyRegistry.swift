/// The strategies that a recipe can name. A new method is one file and one line here.
public enum StrategyRegistry {
  /// What there is to know of each, family by family.
  public static let cards: [StrategyCard] = [
    Joint.card,
    Joint.cumulativeCard,
    WeightPenalty.l1Card,
    WeightPenalty.l2Card,
    WeightPenalty.l2PreviousCard,
    ElasticWeightConsolidation.card,
    KroneckerLaplace.card,
    SynapticIntelligence.card,
    MemoryAwareSynapses.card,
    RiemannianWalk.card,
    LessForgetting.card,
    MovingAverage.card,
    WeightInterpolation.card,
    Replay.card,
    DarkExperienceReplay.card,
    DarkExperienceReplay.plusCard,
    AsymmetricReplay.card,
    MaximallyInterferedRetrieval.card,
    GradientSampleSelection.card,
    HindsightAnchorLearning.card,
    GradientEpisodicMemory.card,
    AveragedGradientEpisodicMemory.card,
    GreedyDumbLearner.card,
    NearestMeanExemplars.card,
    SupervisedContrastiveReplay.card,
    ContinualPrototypeEvolution.card,
    LatentReplay.card,
    GenerativeReplay.card,
    BrainInspiredReplay.card,
    WrittenRehearsal.card,
    LearningWithoutForgetting.card,
    Distillation.card,
    SequenceDistillation.card,
    MutualLearning.card,
    DataFreeDistillation.card,
    ClassifierReuse.card,
    LwFMultiClass.card,
    LearningWithoutMemorizing.card,
    ICaRL.card,
    EndToEndIncrementalLearning.card,
    BiasCorrection.card,
    WeightAligning.card,
    UnifiedClassifier.card,
    PooledOutputsDistillation.card,
    ContextGating.card,
    PackNet.card,
    HardAttention.card,
    WeightMasks.card,
    WeightMasks.piggybackCard,
    CopyWeights.card,
    LowRankAdaptation.card,
    AdapterPerTask.card,
    OrthogonalAdaptation.card,
    BottleneckAdaptation.card,
    PromptTuning.card,
    PrefixTuning.card,
    ProgressivePrompts.card,
    LearningToPrompt.card,
    ProgressiveNetworks.card,
    ExpandableNetworks.card,
    LearnToGrow.card,
    FrozenHead.card,
    MemoryBasedAdaptation.card,
    NearestNeighbours.card,
    NeighbourLanguageModel.card,
    QuantizationAwareTraining.card,
    GradualPruning.card,
    FeatureExtraction.card,
    GradualUnfreezing.card,
    DiscriminativeFineTuning.card,
    SoftSharing.card,
    CrossStitch.card,
    UncertaintyWeighting.card,
    MetaExperienceReplay.card,
    LookaheadMAML.card,
    OnlineAwareMetaLearning.card,
    DriftBoundaries.card,
  ]

  /// The names, in the order of the documentation.
  public static var names: [String] { cards.map(\.name) }

  /// The card of a name, in whichever spelling.
  public static func card(named name: String) -> StrategyCard? {
    return cards.first { $0.name.foldedKey == name.foldedKey }
  }

  /// Makes the strategy that a recipe names.
  ///
  /// - Throws: `ConfigurationError` with the line of an unknown name or a wrong option.
  public static func make(_ selection: Selection) throws -> any Strategy {
    try selection.pick(from: Dictionary(uniqueKeysWithValues: cards.map { ($0.name, $0) }), kind: "strategy")
      .make(selection)
  }
}
