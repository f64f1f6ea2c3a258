import Torch

/// Riemannian walk (Chaudhry et al. 2018): Fisher information that runs along with training, and a score of the path.
///
///     F ← α F_batch + (1 − α) F          every Δt steps ("EWC++"), F_batch per sample with the true labels
///     s += max(0, ω / (½ F (θ(t + Δt) − θ(t))² + ε))          ω = −Σ g Δθ over those Δt steps
///     L = CE + λ Σ_i (F_i + s_i) (θ_i − θ*_i)²
///
/// Scores of experiences are averaged, (s_old + s_new) / 2; in the penalty F and s are each divided by their largest
/// value, so that both are in [0, 1]. The information of a batch comes from its own examples, not from the squared
/// gradient of their mean. Defaults are those of Chaudhry et al.: α 0.9, Δt 10, ε 0.001; λ is a problem's own.
public final class RiemannianWalk: Strategy, Tunable {
  public static let card = StrategyCard(
    "rwalk", .regularization,
    summary: "Holds each weight by its running Fisher information and what it did for the loss.",
    formula: "L = CE + λ Σ_i (F_i + s_i) (θ_i − θ*_i)²,   s += ω / (½ F Δθ² + ε)",
    use: "As EWC and SI, between which it stands; no estimate at the end of an experience.",
    avoid: "New classes compete with old ones: no weight penalty tells them apart.",
    cost: "One more backward pass every Δt steps; nine vectors however many experiences.",
    paper:
      "Chaudhry et al., Riemannian Walk for Incremental Learning: Understanding Forgetting and Intransigence, 2018"
  ) { RiemannianWalk($0) }

  /// What a recipe can choose.
  public struct Options: Configurable {
    public var lambda = 1.0
    /// The share of the newest batch in the running information, α.
    public var alpha = 0.9
    /// Steps between two looks at information and score, Δt.
    public var interval = 10
    /// ε
    public var damping = 1e-3

    public init() {}

    public func validate(at node: ConfigurationNode) throws {
      try node.require("lambda", lambda, atLeast: 0)
      try node.require("alpha", alpha, in: 0...1)
      try node.require("interval", interval, atLeast: 1)
      try node.require("damping", damping, above: 0)
    }
  }

  public let name = "rwalk"
  public private(set) var options: Options
  public var strength: Double {
    get { options.lambda }
    set { options.lambda = newValue }
  }
  private var anchor: QuadraticAnchor?
  /// F, the scores of earlier experiences, and the score of this one.
  private var fisher: CarriedVector?
  private var scores: CarriedVector?
  private var score: CarriedVector?
  private var path: PathIntegral?

  public init(_ options: Options = Options()) { self.options = options }

  public func begin(_ experience: Experience, _ learner: Learner) throws {
    path = try PathIntegral(from: learner.vector)
    score = nil
  }

  public func inspect(_ vector: ParameterVector, _ step: Step) throws { try path?.inspect(vector) }

  public func transform(_ vector: ParameterVector, _ step: Step) throws {
    guard options.lambda > 0 else { return }
    try anchor?.addGradient(to: vector, scale: 2 * options.lambda)
  }

  public func observe(_ step: Step) throws {
    let vector = step.learner.vector
    try path?.observe(vector)
    guard vector.count > 0,
      (step.number + 1) % options.interval == 0 || step.number + 1 == step.session.steps
    else { return }
    let fisher = try updatedFisher(step)
    guard let (integral, way) = try path?.result(vector) else { return }
    let before = try score?.tensor(in: vector.layout)
    let gained = try noGrad {
      let gained = try (integral / (fisher * way.square() / 2 + options.damping)).relu()
      return try before.map { try $0 + gained } ?? gained
    }
    score = CarriedVector(gained, vector.layout)
    path = try PathIntegral(from: vector)
  }

  private func updatedFisher(_ step: Step) throws -> Tensor {
    let (learner, layout) = (step.learner, step.learner.vector.layout)
    let fresh = try Tensor.zeros([layout.count], device: learner.device)
    let random = try learner.random.stream("fisher")
    try learner.model.evaluating {
      try PerSampleGradients.add(.squared, of: step.batch, to: fresh, learner) {
        try FisherInformation.roots($0, $1, learner, .empirical, random)
      }
    }
    let before = try fisher?.tensor(in: layout)
    let updated = try noGrad {
      try fresh.scale(by: 1 / Double(step.batch.count))
      return try before.map { try $0.lerp(fresh, weight: options.alpha) } ?? fresh
    }
    fisher = CarriedVector(updated, layout)
    return updated
  }

  public func end(_ experience: Experience, _ learner: Learner) throws {
    let layout = learner.vector.layout
    guard let fisher = try fisher?.tensor(in: layout), let score = try score?.tensor(in: layout) else {
      return
    }
    let before = try scores?.tensor(in: layout)
    let importance = try noGrad {
      let merged = try before.map { try ($0 + score) / 2 } ?? score
      scores = CarriedVector(merged, layout)
      return try normalized(fisher) + normalized(merged)
    }
    anchor = try QuadraticAnchor(importance, at: learner.vector)
    (path, self.score) = (nil, nil)
  }

  private func normalized(_ values: Tensor) throws -> Tensor {
    try values / values.amax([]).clamp(min: 1e-30)
  }

  public func state() throws -> State {
    var state = State()
    if let anchor { state.set(try anchor.state(), under: "anchor") }
    if let path { state.set(try path.state(), under: "path") }
    if let fisher { state.set(try fisher.state(), under: "fisher") }
    if let scores { state.set(try scores.state(), under: "scores") }
    if let score { state.set(try score.state(), under: "score") }
    return state
  }

  public func restore(_ state: State, _ learner: Learner, past: (Int) throws -> Experience) throws {
    anchor = try QuadraticAnchor(state.scoped("anchor"), device: learner.device)
    path = try PathIntegral(state.scoped("path"), device: learner.device)
    fisher = try CarriedVector(state.scoped("fisher"), device: learner.device)
    scores = try CarriedVector(state.scoped("scores"), device: learner.device)
    score = try CarriedVector(state.scoped("score"), device: learner.device)
  }
}
