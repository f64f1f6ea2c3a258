import Torch

/// The diagonal of the Fisher information of a model's parameters, estimated per sample in evaluation mode.
///
///     F = E_x Σᵥ (Jᵀ v)²
///
/// with v from the objective: for classification √p_c (e_c − p) for every class c, which is
/// E_x E_{y ∼ p(·|x)} (∂ log p(y|x))² exactly (Martens 2020, §9). Squares are taken example by example; squaring the
/// mean gradient of a batch, as several libraries do, gives another and wrong quantity.
public enum FisherInformation {
  /// Which labels the gradient is taken for.
  public enum Kind: String, CaseIterable, Codable, Sendable {
    /// All, weighted by the model's own probabilities.
    case exact
    /// One an example, drawn from the model's own probabilities.
    case sampled
    /// The true one: the "empirical Fisher", which is not the Fisher information (Kunstner et al. 2019).
    case empirical

    /// Refuses the sum over all labels where labels are texts.
    ///
    /// - Throws: `StrategyError.model`.
    func check(_ facts: StreamFacts, for strategy: String) throws {
      guard self == .exact, facts.classes == nil, facts.hasAlternatives else { return }
      throw StrategyError.model(
        strategy,
        "tokens depend on each other, and there is no sum over all texts: use `ewc` with "
          + "`fisher: empirical` or `fisher: sampled`")
    }
  }

  /// The mean over examples, as a flat vector `[P]` in the layout of the learner's parameters.
  ///
  /// - Parameters:
  ///   - examples: targets as output units.
  ///   - task: restricts the distribution to the task's units.
  ///   - limit: uses a random choice of so many examples; all when nil.
  public static func diagonal(
    of learner: Learner, _ examples: Examples, task: Int?, kind: Kind, limit: Int? = nil
  ) throws -> Tensor {
    let random = try learner.random.stream("fisher")
    return try PerSampleGradients.mean(.squared, of: learner, examples, task: task, limit: limit, random) {
      try roots($0, $1, learner, kind, random)
    }
  }

  /// The vectors v of a batch, one `[N, K]` for each label that the kind asks for.
  static func roots(_ outputs: Tensor, _ batch: Batch, _ learner: Learner, _ kind: Kind, _ random: Generator)
    throws
    -> [Tensor]
  {
    try noGrad {
      let masked = try learner.mask(outputs.detach(), batch)
      switch kind {
      case .exact: return try learner.objective.fisherRoots(masked)
      case .empirical: return [try learner.objective.scores(masked, batch.targets)]
      case .sampled:
        return [try learner.objective.scores(masked, learner.objective.sample(masked, random))]
      }
    }
  }
}
