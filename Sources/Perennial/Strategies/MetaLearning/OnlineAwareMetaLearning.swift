import Torch

/// Online-aware meta-learning (Javed & White 2019): features are trained so that a head which learns online, part after
/// part, does not forget.
///
///     inner: φ_{j+1} = φ_j − α ∇L(φ_j; part j of the batch), of the head alone
///     outer: θ ← optimizer(∇_θ L(φ_n; batch and remembered items)), of backbone and head
///
/// derived through the inner steps. The paper meta-learns on classes of their own before the stream begins; here it goes
/// along with the stream, with remembered items in place of the paper's random batch of all classes. ANML (Beaulieu et
/// al. 2020) has the same two loops with a gating network.
public final class OnlineAwareMetaLearning: Strategy {
  public static let card = StrategyCard(
    "oml", .metaLearning, summary: "Trains features so that a head which learns online does not forget.",
    formula: "θ by ∇_θ L(φ_n; batch ∪ memory),   φ_{j+1} = φ_j − α ∇_head L(φ_j; part j)",
    use: "Highly correlated online streams, and features that may be learned along.",
    avoid: "Steps must be cheap.",
    cost: "For n parts, n steps on a part, derived, and one pass on the whole batch.",
    paper:
      "Javed & White, Meta-Learning Representations for Continual Learning, 2019; ANML, Beaulieu et al. 2020"
  ) { OnlineAwareMetaLearning($0) }

  /// What a recipe can choose.
  public struct Options: Configurable {
    /// Examples kept.
    public var memory = 200
    /// Remembered items a step; as many as fresh ones when nil.
    public var batch: Int?
    /// Parts that a batch is learned in.
    public var parts = 5
    /// α
    public var rate = 0.03
    public var secondOrder = true

    public init() {}

    public func validate(at node: ConfigurationNode) throws {
      try node.require("memory", memory, atLeast: 1)
      try node.require("batch", batch, atLeast: 1)
      try node.require("parts", parts, atLeast: 1)
      try node.require("rate", rate, atLeast: 0)
    }
  }

  public let name = "oml"
  public let options: Options
  private let rehearsal: Rehearsal
  private var rates: (layout: VectorLayout, values: Tensor)?

  public init(_ options: Options = Options()) {
    self.options = options
    rehearsal = Rehearsal(memory: options.memory, purpose: "meta-memory")
  }

  public func check(_ facts: StreamFacts) throws {
    try facts.refuse(
      ["replay": "it has a memory of its own", "la-maml": "both replace the loss"], beside: name)
  }

  public func begin(_ experience: Experience, _ learner: Learner) throws { try rehearsal.begin(learner) }

  public func rehearse(_ batch: Batch, _ learner: Learner) throws -> Batch {
    try rehearsal.join(batch, options.batch, learner)
  }

  public var replacesLoss: Bool { true }

  public func loss(_ step: Step) throws -> Tensor? {
    let vector = step.learner.vector
    guard vector.count > 0 else { return nil }
    return try outer(step.learner, step.batch, vector.derivableValues())
  }

  /// The outer loss for weights `[P]`.
  func outer(_ learner: Learner, _ batch: Batch, _ weights: Tensor) throws -> Tensor {
    let trajectory = LearningTrajectory(
      learner: learner, batch: batch, parts: options.parts, isSecondOrder: options.secondOrder)
    let points = try trajectory.points(from: weights, rates: rates(learner.vector))
    return try trajectory.loss(at: points.last ?? weights, batch)
  }

  public func observe(_ step: Step) throws { try rehearsal.insert(step) }

  /// α at the head's parameters, else 0.
  private func rates(_ vector: ParameterVector) throws -> Tensor {
    if let rates, rates.layout == vector.layout { return rates.values }
    let values = try noGrad { try Tensor.zeros([vector.count], device: vector.values.device) }
    try noGrad {
      for (slot, parameter) in zip(vector.layout.slots, vector.parameters) where parameter.kind == .head {
        try values.narrow(dim: 0, start: slot.offset, count: slot.count).fill(options.rate)
      }
    }
    rates = (vector.layout, values)
    return values
  }

  public var replayBytes: Int { rehearsal.byteCount }
  public func state() throws -> State { try rehearsal.state() }

  public func restore(_ state: State, _ learner: Learner, past: (Int) throws -> Experience) throws {
    try rehearsal.restore(state, learner)
  }
}
