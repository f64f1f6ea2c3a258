import Torch

/// Plain weight penalties, printed beside every method that claims to do better.
///
///     L2           ½ λ ‖θ‖²           gradient λ θ
///     L1           λ ‖θ‖₁             gradient λ sign θ
///     L2-previous  ½ λ ‖θ − θ*‖²      gradient λ (θ − θ*), θ* the solution of the experience before
///
/// Gradients are added in closed form; no graph is built.
public final class WeightPenalty: Strategy, Tunable {
  public enum Kind: String, CaseIterable, Sendable {
    case l1, l2
    case l2Previous = "l2-previous"
  }

  /// What a recipe can choose.
  public struct Options: Configurable {
    /// λ
    public var lambda = 1e-4

    public init() {}

    public func validate(at node: ConfigurationNode) throws { try node.require("lambda", lambda, atLeast: 0) }
  }

  public static let l1Card = card(
    .l1, "Pulls every weight to zero with a constant force.", "L = CE + λ ‖θ‖₁")
  public static let l2Card = card(.l2, "Weight decay.", "L = CE + ½ λ ‖θ‖²")
  public static let l2PreviousCard = card(
    .l2Previous, "Pulls every weight alike to the solution before.", "L = CE + ½ λ ‖θ − θ*‖²")

  private static func card(_ kind: Kind, _ summary: String, _ formula: String) -> StrategyCard {
    StrategyCard(
      kind.rawValue, .baseline, summary: summary, formula: formula,
      use: "To be printed beside every method that claims to do better.", avoid: "As the only protection.",
      cost: "One pass over memory a step.", paper: "common practice"
    ) { (options: Options) in WeightPenalty(kind, lambda: options.lambda) }
  }

  /// Which of the three, and λ.
  public let kind: Kind
  public private(set) var lambda: Double
  public var strength: Double {
    get { lambda }
    set { lambda = newValue }
  }
  /// Around the solution before, 1 at every parameter that it had.
  private var anchor: QuadraticAnchor?

  public var name: String { kind.rawValue }
  public var seesBatch: Bool { false }

  public init(_ kind: Kind, lambda: Double = 1e-4) {
    self.kind = kind
    self.lambda = lambda
  }

  public func transform(_ vector: ParameterVector, _ step: Step) throws {
    guard lambda > 0 else { return }
    switch kind {
    case .l1: try noGrad { try vector.gradients.add(vector.values.sign(), scale: lambda) }
    case .l2: try noGrad { try vector.gradients.add(vector.values, scale: lambda) }
    case .l2Previous: try anchor?.addGradient(to: vector, scale: lambda)
    }
  }

  public func end(_ experience: Experience, _ learner: Learner) throws {
    guard kind == .l2Previous else { return }
    anchor = try QuadraticAnchor(learner.vector.values.onesLike(), at: learner.vector)
  }

  public func state() throws -> State { try anchor?.state() ?? State() }

  public func restore(_ state: State, _ learner: Learner, past: (Int) throws -> Experience) throws {
    anchor = try QuadraticAnchor(state, device: learner.device)
  }
}
