import Torch

/// LwF.MC (Rebuffi et al. 2017, §4): the loss of iCaRL without exemplars, answered by the head.
///
///     L = mean over items and units of BCE(σ(z_k), q_k),   q_k = σ(z_k of the past self) for old k, [y = k] for new k
public final class LwFMultiClass: Strategy {
  public static let card = StrategyCard(
    "lwf-mc", .distillation, summary: "The binary distillation of iCaRL, without exemplars.",
    formula: "L = mean BCE(σ(z), [σ(z_old); one-hot])",
    use: "What the exemplars of iCaRL are worth; no data may be kept.",
    avoid: "A few examples may be kept.",
    cost: "One more forward pass a step; a copy of the model.",
    paper: "Rebuffi et al., iCaRL: Incremental Classifier and Representation Learning, 2017"
  ) { (_: Options) in LwFMultiClass() }

  /// It has none.
  public struct Options: Configurable {
    public init() {}
  }

  public let name = "lwf-mc"
  public let teacher = PastSelf()

  public init() {}

  public func check(_ facts: StreamFacts) throws {
    try facts.requireNewClasses(name)
  }

  public func begin(_ experience: Experience, _ learner: Learner) throws {
    try teacher.begin(experience, learner)
  }

  public var replacesLoss: Bool { true }

  public func loss(_ step: Step) throws -> Tensor? {
    try step.batch.mean(
      SigmoidDistillation.values(
        step.outputs, units: step.batch.targets, teacher: teacher.look(step.batch.inputs)?.outputs
      ).mean([1]))
  }

  public func end(_ experience: Experience, _ learner: Learner) throws { try teacher.end(learner) }

  public func state() throws -> State { try teacher.state() }

  public func restore(_ state: State, _ learner: Learner, past: (Int) throws -> Experience) throws {
    try teacher.restore(state, learner)
  }
}
