import Torch

/// Synaptic intelligence (Zenke, Poole & Ganguli 2017): importance is what a parameter did for the loss while it learned.
///
///     ω = −Σ_steps g Δθ          g of the loss without penalty, Δθ as the optimizer really moved
///     Ω ← max(0, Ω + ω / ((θ − θ_start)² + ξ))          after each experience
///     L = CE + c Σ_i Ω_i (θ_i − θ*_i)²
///
/// There is no ½ before c, as in the paper. Ω is held at 0 from below, as in the authors' code, and by nothing from
/// above. One anchor θ*, the latest solution, so that memory does not grow; parameters that are new have Ω = 0. The
/// gradient 2 c Ω (θ − θ*) is added in closed form. The authors use ξ = 0.1 with c = 0.1 on Permuted MNIST, and
/// ξ = 0.001 with c = 1 on Split MNIST.
public final class SynapticIntelligence: Strategy, Tunable {
  public static let card = StrategyCard(
    "si", .regularization,
    summary: "Holds each weight by what it did for the loss on its way.",
    formula: "L = CE + c Σ_i Ω_i (θ_i − θ*_i)²,   Ω += ω / ((θ − θ_start)² + ξ),   ω = −Σ g Δθ",
    use: "As EWC, where there is no time for a Fisher estimate: importances come with training.",
    avoid: "New classes compete with old ones: no weight penalty tells them apart.",
    cost: "A few passes over memory a step; six vectors however many experiences.",
    paper: "Zenke, Poole & Ganguli, Continual Learning Through Synaptic Intelligence, 2017"
  ) { SynapticIntelligence($0) }

  /// What a recipe can choose.
  public struct Options: Configurable {
    /// c
    public var strength = 0.1
    /// ξ
    public var damping = 0.1

    public init() {}

    public func validate(at node: ConfigurationNode) throws {
      try node.require("strength", strength, atLeast: 0)
      try node.require("damping", damping, above: 0)
    }
  }

  public let name = "si"
  public var seesBatch: Bool { false }
  public private(set) var options: Options
  public var strength: Double {
    get { options.strength }
    set { options.strength = newValue }
  }
  private var anchor: QuadraticAnchor?
  private var path: PathIntegral?

  public init(_ options: Options = Options()) { self.options = options }

  public func begin(_ experience: Experience, _ learner: Learner) throws {
    path = try PathIntegral(from: learner.vector)
  }

  public func inspect(_ vector: ParameterVector, _ step: Step) throws { try path?.inspect(vector) }

  public func transform(_ vector: ParameterVector, _ step: Step) throws {
    guard options.strength > 0 else { return }
    try anchor?.addGradient(to: vector, scale: 2 * options.strength)
  }

  public func observe(_ step: Step) throws { try path?.observe(step.learner.vector) }

  public func end(_ experience: Experience, _ learner: Learner) throws {
    guard let (integral, way) = try path?.result(learner.vector) else { return }
    let before = try anchor?.importance(in: learner.vector.layout)
    let importance = try noGrad {
      let new = try integral / (way.square() + options.damping)
      return try (before.map { try $0 + new } ?? new).relu()
    }
    anchor = try QuadraticAnchor(importance, at: learner.vector)
    path = nil
  }

  public func state() throws -> State {
    var state = State()
    if let anchor { state.set(try anchor.state(), under: "anchor") }
    if let path { state.set(try path.state(), under: "path") }
    return state
  }

  public func restore(_ state: State, _ learner: Learner, past: (Int) throws -> Experience) throws {
    anchor = try QuadraticAnchor(state.scoped("anchor"), device: learner.device)
    path = try PathIntegral(state.scoped("path"), device: learner.device)
  }
}
