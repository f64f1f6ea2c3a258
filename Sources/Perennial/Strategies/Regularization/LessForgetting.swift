import Torch

/// Less-forgetting learning (Jung et al. 2016): the features stay near those of the past self, under a frozen classifier.
///
///     L = CE + λ_e mean_x ½ ‖f(x; θ) − f(x; θ_old)‖²
///
/// f are the features that the head gets, θ_old the model as the experience began, in evaluation mode. Rows of the head
/// that were there keep their values, so that old features still mean what they meant; rows of new classes learn.
/// λ_e is a problem's own.
public final class LessForgetting: Strategy {
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
  public let options: Options
  private var teacher: Frozen?
  private var experiencesSeen = 0

  public init(_ options: Options = Options()) { self.options = options }

  public func begin(_ experience: Experience, _ learner: Learner) throws {
    experiencesSeen += 1
    guard experiencesSeen > 1 else { return }
    teacher = try Frozen(learner.model, learner.blueprint, device: learner.device)
  }

  public func terms(_ step: Step) throws -> [LossTerm] {
    guard let teacher, options.lambda > 0 else { return [] }
    let past = try teacher.features(step.batch.inputs)
    let distance = try (step.features - past).square().sum() / Double(step.batch.count)
    return [LossTerm("lfl", try distance * (options.lambda / 2))]
  }

  public func transform(_ vector: ParameterVector, _ step: Step) throws {
    try forEachHeldPart(step) { slot, hold in try hold(vector.layout.view(slot, of: vector.gradients)).zero()
    }
  }

  /// Momentum and weight decay move parameters that have no gradient, so they are put back.
  public func observe(_ step: Step) throws {
    guard let known = teacher?.parameters else { return }
    try forEachHeldPart(step) { slot, hold in
      let layout = step.learner.vector.layout
      guard let value = known[slot.path] else { return }
      try hold(layout.view(slot, of: step.learner.vector.values)).copy(from: hold(value))
    }
  }

  /// Calls `body` with each parameter of the head, and what takes the rows that were there before the experience.
  private func forEachHeldPart(
    _ step: Step, _ body: (VectorLayout.Slot, (Tensor) throws -> Tensor) throws -> Void
  ) throws {
    guard teacher != nil, options.freezeHead else { return }
    let vector = step.learner.vector
    let rows = step.session.previousOutputs
    try noGrad {
      for (slot, parameter) in zip(vector.layout.slots, vector.parameters) where parameter.kind == .head {
        try body(slot) {
          $0.rank == 0 ? $0 : try $0.narrow(dim: 0, start: 0, count: min(rows, $0.shape[0]))
        }
      }
    }
  }

  public func end(_ experience: Experience, _ learner: Learner) throws { teacher = nil }

  public func state() throws -> State {
    var state = State()
    state["experiences"] = experiencesSeen
    if let teacher { state.set(try teacher.state(), under: "teacher") }
    return state
  }

  public func restore(_ state: State, _ learner: Learner, past: (Int) throws -> Experience) throws {
    experiencesSeen = try state.require("experiences")
    let saved = state.scoped("teacher")
    teacher = saved.values.isEmpty ? nil : try Frozen(saved, learner.blueprint, device: learner.device)
  }
}
