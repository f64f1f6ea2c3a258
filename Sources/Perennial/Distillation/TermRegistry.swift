/// The distillation terms that a recipe can name. A new term is one file and one line here.
public enum TermRegistry {
  /// What there is to know of each, family by family.
  public static let cards: [TermCard] = [
    SoftTargets.card,
    LogitMatching.card,
    DecoupledTargets.card,
    StrongerTeacher.card,
    SoftLabels.card,
    WeightedSoftLabels.card,
    CurriculumTemperature.card,
    RelationalDistances.card,
    SimilarityPreservation.card,
    CorrelationCongruence.card,
    InterChannelCorrelation.card,
    SolutionFlow.card,
    ProbabilisticTransfer.card,
    Hint.card, AttentionTransfer.card, FactorTransfer.card, ActivationBoundaries.card, FeatureOverhaul.card,
    NeuronSelectivity.card, VariationalInformation.card, ContrastiveRepresentation.card,
    ReviewOfKnowledge.card,
    ReusedClassifier.card,
    TransformerDistillation.card, AttentionRelations.card,
  ]

  /// The names, in the order of the documentation.
  public static var names: [String] { cards.map(\.name) }

  /// Makes the term that a recipe names.
  ///
  /// - Throws: `ConfigurationError` with the line of an unknown name or a wrong option.
  public static func make(_ selection: Selection) throws -> any DistillationTerm {
    try card(selection).make(selection)
  }

  /// All options of the term that a recipe names, defaults included.
  static func settings(_ selection: Selection) throws -> [(key: String, value: String)] {
    try card(selection).settings(selection)
  }

  private static func card(_ selection: Selection) throws -> TermCard {
    try selection.pick(
      from: Dictionary(uniqueKeysWithValues: cards.map { ($0.name, $0) }), kind: "distillation term")
  }
}
