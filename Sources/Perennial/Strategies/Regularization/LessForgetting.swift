import Torch

/// Less-forgetting learning (Jung et al. 2016): the features stay near those of the past self, under a frozen classifier.
///
///     L = CE + λ_e mean_x ½ ‖f(x; θ) − f(x; θ_old)‖²
///
/// f are the features that the head gets, θ_old the model as the experience began, in evaluation mode. Rows of the head
/// that were there keep their values, so that old features still mean what they meant; rows of new classes learn.
/// λ_e is a problem's own.
public final class LessForgetting: Strategy, Tunable {
  public static let card = StrategyCard(
    "lfl", .regularization,
    summary: "Keeps the features near those of the past self, and the classifier as it was.",
    formula: "L = CE + λ_e E_x ½ ‖f(x; θ) − f(x; θ_old)‖²",
    use: "The same classes in a new domain; no data may be kept.",
    avoid: "New inputs share nothing with old ones: past features of them mean little.",
    cost: "One more forward pass a step; a copy of the model.",
    paper: "Jung et al., Less-forgetting Learning in Deep Neural Networks, 2016"
  ) { LessForgetting($0) }

  /// What a recipe can choose.
  public struct Options: Configurable {
    /// λ_e
    public var lambda = 1e-3
    /// Whether rows of the head that are there keep their values.
    public var freezeHead = true

    public init() {}

    public func validate(at node: ConfigurationNode) throws { try node.require("lambda", lambda, atLeast: 0) }
  }

  public let name = "lfl"
  public private(set) var options: Options
  public var strength: Double {
    get { options.lambda }
    set { options.lambda = newValue }
  }
  private var teacher: Frozen?
  /// Rows of the head.
  private var held = HeldWeights()
  private var experiencesSeen = 0

  public init(_ options: Options = Options()) { self.options = options }

  public func begin(_ experience: Experience, _ learner: Learner) throws {
    experiencesSeen += 1
    guard experiencesSeen > 1 else { return }
    teacher = try Frozen(learner.model, learner.blueprint, device: learner.device)
    guard options.freezeHead, let session = learner.session else { return }
    try held.hold(learner.vector.headRows(before: session.previousOutputs), of: learner.vector)
  }

  public func terms(_ step: Step) throws -> [LossTerm] {
    guard let teacher, options.lambda > 0 else { return [] }
    let past = try teacher.features(step.batch.inputs)
    let distance = try (step.features - past).square().sum() / Double(step.batch.count)
    return [LossTerm("lfl", try distance * (options.lambda / 2))]
  }

  public func transform(_ vector: ParameterVector, _ step: Step) throws { try held.zeroGradients(of: vector) }

  public func observe(_ step: Step) throws { try held.putBack(into: step.learner.vector) }

  public func end(_ experience: Experience, _ learner: Learner) throws {
    teacher = nil
    held = HeldWeights()
  }

  public func state() throws -> State {
    var state = State()
    state["experiences"] = experiencesSeen
    if let teacher { state.set(try teacher.state(), under: "teacher") }
    state.set(try held.state(), under: "held")
    return state
  }

  public func restore(_ state: State, _ learner: Learner, past: (Int) throws -> Experience) throws {
    experiencesSeen = try state.require("experiences")
    held = try HeldWeights(state.scoped("held"), device: learner.device)
    let saved = state.scoped("teacher")
    teacher = saved.values.isEmpty ? nil : try Frozen(saved, learner.blueprint, device: learner.device)
  }
}
