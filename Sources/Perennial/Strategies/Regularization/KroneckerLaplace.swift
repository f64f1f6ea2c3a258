import Torch

/// Online structured Laplace approximation, or EWC with Kronecker factors (Ritter, Botev & Barber 2018).
///
///     L = CE + ½ λ Σ_layers vec(θ − θ*)ᵀ (A ⊗ G) vec(θ − θ*)
///
/// A is the second moment of a layer's inputs, the bias as an input that is always 1, and G that of its output gradients
/// over the model's own predictive distribution; the gradient λ G (θ − θ*) A is two matrix products. One anchor θ*, the
/// latest solution; information of earlier experiences is multiplied by γ and added. Modes:
///
/// - `nearest` keeps one pair of factors a layer, the Kronecker product nearest to the sum: memory does not grow.
/// - `separate` keeps those of every experience, the sum itself.
///
/// Parameters that belong to no affine layer are held by the diagonal Fisher information.
public final class KroneckerLaplace: Strategy, Tunable {
  public static let card = StrategyCard(
    "kfac-ewc", .regularization,
    summary: "EWC that knows which weights of a layer act together.",
    formula: "L = CE + ½ λ Σ_layers vec(θ − θ*)ᵀ (A ⊗ G) vec(θ − θ*)",
    use:
      "As EWC, where its diagonal is too crude and layers are small enough for square matrices of their width.",
    avoid: "Very wide layers; new classes, which no weight penalty tells from old ones.",
    cost: "Two matrix products a layer and step; two square matrices a layer; one estimate an experience.",
    paper:
      "Ritter, Botev & Barber, Online Structured Laplace Approximations For Overcoming Catastrophic Forgetting, 2018"
  ) { KroneckerLaplace($0) }

  /// What is kept of earlier experiences.
  public enum Mode: String, CaseIterable, Codable, Sendable { case nearest, separate }

  /// What a recipe can choose.
  public struct Options: Configurable {
    /// λ; the paper tunes it a problem, so there is no universal default.
    public var lambda = 1000.0
    public var mode = Mode.nearest
    /// How much of the earlier information stays, γ.
    public var decay = 1.0
    /// Examples that the information is estimated on; all when nil.
    public var samples: Int?

    public init() {}

    public func validate(at node: ConfigurationNode) throws {
      try node.require("lambda", lambda, atLeast: 0)
      try node.require("decay", decay, in: 0...1)
      try node.require("samples", samples, atLeast: 1)
    }
  }

  public let name = "kfac-ewc"
  public var seesBatch: Bool { false }
  public private(set) var options: Options
  public var strength: Double {
    get { options.lambda }
    set { options.lambda = newValue }
  }
  private var factors: [KroneckerFactors] = []
  /// θ*
  private var anchor: CarriedVector?
  /// What no affine layer has.
  private var rest: QuadraticAnchor?

  public init(_ options: Options = Options()) { self.options = options }

  public func check(_ facts: StreamFacts) throws { try FisherInformation.Kind.exact.check(facts, for: name) }

  public func transform(_ vector: ParameterVector, _ step: Step) throws {
    guard options.lambda > 0, let solution = try anchor?.tensor(in: vector.layout) else { return }
    for own in factors { try own.addGradient(to: vector, anchor: solution, scale: options.lambda) }
    try rest?.addGradient(to: vector, scale: options.lambda)
  }

  public func end(_ experience: Experience, _ learner: Learner) throws {
    guard let session = learner.session else { return }
    let fresh = try KroneckerFactors.estimate(
      of: learner, session.examples, task: session.task, limit: options.samples)
    if options.decay < 1 { try noGrad { for own in factors { try own.outputs.scale(by: options.decay) } } }
    if options.mode == .separate {
      factors += fresh
    } else {
      factors = try fresh.map { own in
        try factors.first { $0.weight == own.weight }.map { try $0.nearestSum(own) } ?? own
      }
    }
    anchor = CarriedVector(try learner.vector.snapshot(), learner.vector.layout)
    try updateRest(learner, session, held: Set(fresh.flatMap { [$0.weight, $0.bias ?? $0.weight] }))
  }

  private func updateRest(_ learner: Learner, _ session: Session, held: Set<String>) throws {
    let layout = learner.vector.layout
    guard layout.slots.contains(where: { !held.contains($0.path) }) else { return }
    var fisher = try FisherInformation.diagonal(
      of: learner, session.examples, task: session.task, kind: .exact, limit: options.samples)
    let before = try rest?.importance(in: layout)
    try noGrad {
      for slot in layout.slots where held.contains(slot.path) { try layout.view(slot, of: fisher).zero() }
      if let before { fisher = try before * options.decay + fisher }
    }
    rest = try QuadraticAnchor(fisher, at: learner.vector)
  }

  public func state() throws -> State {
    var state = State()
    state["weights"] = factors.map(\.weight)
    state["biases"] = factors.map(\.bias)
    for (index, own) in factors.enumerated() {
      state.tensors["factors/\(index)/inputs"] = try own.inputs.clone()
      state.tensors["factors/\(index)/outputs"] = try own.outputs.clone()
    }
    if let anchor { state.set(try anchor.state(), under: "anchor") }
    if let rest { state.set(try rest.state(), under: "rest") }
    return state
  }

  public func restore(_ state: State, _ learner: Learner, past: (Int) throws -> Experience) throws {
    let weights: [String] = try state.require("weights")
    let biases: [String?] = try state.require("biases")
    factors = try zip(weights, biases).enumerated().map { index, paths in
      KroneckerFactors(
        weight: paths.0, bias: paths.1,
        inputs: try state.requireTensor("factors/\(index)/inputs").to(learner.device),
        outputs: try state.requireTensor("factors/\(index)/outputs").to(learner.device))
    }
    anchor = try CarriedVector(state.scoped("anchor"), device: learner.device)
    rest = try QuadraticAnchor(state.scoped("rest"), device: learner.device)
  }
}
