import Torch

/// The nearest mean of exemplars (Rebuffi et al. 2017, iCaRL, eq. 2): answers by class means of remembered examples
/// instead of by the head.
///
///     ŷ = argmin_c ‖φ̂(x) − μ_c‖,   μ_c the mean of φ̂ over the remembered examples of c, of length 1 again
///
/// The memory is that of `replay` beside it, which also trains the model; choose there how many examples are kept and
/// how they are selected. Means follow the features as these change, so that old classes do not drown in the biases of a
/// head that has just learned new ones.
public final class NearestMeanExemplars: Strategy {
  public static let card = StrategyCard(
    "nearest-mean-exemplars", .replay,
    summary: "Answers by the class means of the examples that `replay` remembers.",
    formula: "ŷ = argmin_c ‖φ(x)/‖φ(x)‖ − μ_c‖,   μ_c ∝ Σ over remembered x of c of φ(x)/‖φ(x)‖",
    use: "Beside `replay` with a balanced memory, when classes arrive in experiences.",
    avoid: "Few remembered examples a class in many dimensions.",
    cost: "In use, the features of the whole memory once after training; nothing in training.",
    paper: "Rebuffi et al., iCaRL: Incremental Classifier and Representation Learning, 2017"
  ) { (_: Options) in NearestMeanExemplars() }

  /// It has none.
  public struct Options: Configurable {
    public init() {}
  }

  public let name = "nearest-mean-exemplars"
  private var means = MeansInUse()

  public init() {}

  public func check(_ facts: StreamFacts) throws {
    guard facts.classes != nil else { throw StrategyError.needsClasses(name) }
    guard facts.strategies.contains("replay") else { throw StrategyError.needs(name, "replay") }
  }

  public func begin(_ experience: Experience, _ learner: Learner) throws { means.forget() }
  public func observe(_ step: Step) throws { means.forget() }
  public func end(_ experience: Experience, _ learner: Learner) throws { means.forget() }

  public var answersBeyondModel: Bool { true }

  public func answer(_ question: Question, _ learner: Learner) throws -> Tensor? {
    let replay = learner.strategies.lazy.compactMap { $0 as? Replay }.first
    return try means.answer(question, replay?.memory, learner)
  }

  public func restore(_ state: State, _ learner: Learner, past: (Int) throws -> Experience) throws {
    means.forget()
  }
}
