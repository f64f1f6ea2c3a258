import Torch

/// Look-ahead MAML with a learned learning rate for every parameter (Gupta, Yadav & Paull 2020), in its sync variant.
///
///     φ_{j+1} = φ_j − max(α, 0) ⊙ ∇L(φ_j; part j of the batch)
///     M = mean over j of L(φ_j; batch and remembered items)
///     α ← α − η ∇_α M,   θ ← optimizer(∇_θ M)
///
/// The paper's asynchronous form takes max(α, 0) for the step of θ too; here the recipe's optimizer moves θ, as in the
/// authors' `sync_update`. Inner gradients are not derived unless `second_order`, as in the authors' runs. Each fresh
/// item is offered to one memory once, after its step.
public final class LookaheadMAML: Strategy {
  public static let card = StrategyCard(
    "la-maml", .metaLearning,
    summary:
      "Looks a few steps ahead, judged on remembered items; learns a rate for each weight.",
    formula: "θ, α by ∇ mean_j L(φ_j; batch ∪ memory),   φ_{j+1} = φ_j − max(α,0) ⊙ ∇L(φ_j; part j)",
    use: "Online streams with a small memory, where gradients of old and new items interfere.",
    avoid: "Steps must be cheap.",
    cost: "For n parts, n steps on a part and n passes on the whole batch and as many remembered items.",
    paper: "Gupta, Yadav & Paull, La-MAML: Look-ahead Meta Learning for Continual Learning, 2020"
  ) { LookaheadMAML($0) }

  /// What a recipe can choose; defaults are those of the authors' CIFAR-100 runs.
  public struct Options: Configurable {
    /// Examples kept.
    public var memory = 200
    /// Remembered items a step; as many as fresh ones when nil.
    public var batch: Int?
    /// Parts that a batch is learned in.
    public var parts = 5
    /// α at the start.
    public var rate = 0.1
    /// η
    public var rateOfRates = 0.25
    public var secondOrder = false

    public init() {}

    public func validate(at node: ConfigurationNode) throws {
      try node.require("memory", memory, atLeast: 1)
      try node.require("batch", batch, atLeast: 1)
      try node.require("parts", parts, atLeast: 1)
      try node.require("rate", rate, atLeast: 0)
      try node.require("rate_of_rates", rateOfRates, atLeast: 0)
    }
  }

  public let name = "la-maml"
  public let options: Options
  private let rehearsal: Rehearsal
  /// α `[P]`
  private var rates: CarriedVector?

  public init(_ options: Options = Options()) {
    self.options = options
    rehearsal = Rehearsal(memory: options.memory, purpose: "meta-memory")
  }

  public func check(_ facts: StreamFacts) throws {
    try facts.refuse(
      ["replay": "it has a memory of its own", "oml": "both replace the loss"], beside: name)
  }

  public func begin(_ experience: Experience, _ learner: Learner) throws { try rehearsal.begin(learner) }

  public func rehearse(_ batch: Batch, _ learner: Learner) throws -> Batch {
    try rehearsal.join(batch, options.batch, learner)
  }

  public var replacesLoss: Bool { true }

  public func loss(_ step: Step) throws -> Tensor? {
    let vector = step.learner.vector
    guard vector.count > 0 else { return nil }
    return try lookahead(step.learner, step.batch, vector.derivableValues(), rates(vector))
  }

  /// M for weights and rates `[P]`.
  func lookahead(_ learner: Learner, _ batch: Batch, _ weights: Tensor, _ rates: Tensor) throws -> Tensor {
    let trajectory = LearningTrajectory(
      learner: learner, batch: batch, parts: options.parts, isSecondOrder: options.secondOrder)
    let losses = try trajectory.points(from: weights, rates: rates.relu())
      .map { try trajectory.loss(at: $0, batch) }
    return try Tensor.stack(losses).mean()
  }

  public func observe(_ step: Step) throws {
    if rates != nil {
      let values = try rates(step.learner.vector)
      if let slope = try values.gradient {
        try noGrad { try values.add(slope, scale: -options.rateOfRates) }
        try values.setGradient(nil)
      }
    }
    try rehearsal.insert(step)
  }

  /// α, that of new parameters at its start; a leaf of the graph.
  private func rates(_ vector: ParameterVector) throws -> Tensor {
    func start() throws -> Tensor {
      try Tensor.full([vector.count], options.rate, device: vector.values.device)
    }
    var rates = try self.rates ?? CarriedVector(start(), vector.layout)
    let values = try rates.tensor(in: vector.layout, elsewhere: start())
    try values.setRequiresGrad(true)
    self.rates = rates
    return values
  }

  public var replayBytes: Int { rehearsal.byteCount }

  public func state() throws -> State {
    var state = try rehearsal.state()
    if let rates { state.set(try rates.state(), under: "rates") }
    return state
  }

  public func restore(_ state: State, _ learner: Learner, past: (Int) throws -> Experience) throws {
    try rehearsal.restore(state, learner)
    rates = try CarriedVector(state.scoped("rates"), device: learner.device)
  }
}
