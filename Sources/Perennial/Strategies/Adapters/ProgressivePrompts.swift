import Torch

/// Progressive prompts (Razdaibiedina et al. 2023): the model rests, and each task learns a prompt of its own in front of
/// those of all tasks before it, which rest too.
///
///     p(y | [P_k; P_{k−1}; …; P_1; x]),   P_k alone learns
///
/// In use, a task is asked with the prompts that it was learned with; where tasks are not told, all prompts are heard. In
/// training P_k goes through a residual perceptron of its own, as published. Rows of the head that earlier tasks learned
/// rest.
public final class ProgressivePrompts: Strategy {
  public static let card = StrategyCard(
    "progressive-prompts", .adapters,
    summary: "Each task learns a prompt in front of those before it; everything else rests.",
    formula: "p(y | [P_k; …; P_1; x]), P_k alone learns",
    use:
      "A pretrained model for text and tasks that are told: nothing is forgotten, later tasks build on earlier ones.",
    avoid: "Tasks are not told, or are so many that the prompts fill the context.",
    cost: "A prompt a task; texts grow longer with each.",
    paper: "Razdaibiedina et al., Progressive Prompts: Continual Learning for Language Models, 2023"
  ) { ProgressivePrompts($0) }

  /// What a recipe can choose.
  public struct Options: Configurable {
    /// Embeddings of each prompt.
    public var length = 10
    /// The inner width of the perceptron that the newest prompt learns through; none at 0.
    public var projection = 800

    public init() {}

    public func validate(at node: ConfigurationNode) throws {
      try node.require("length", length, atLeast: 1)
      try node.require("projection", projection, atLeast: 0)
    }
  }

  public let name = "progressive-prompts"
  public var seesBatch: Bool { false }
  public let options: Options
  private var order = TaskOrder()
  private var held = HeldWeights()

  public init(_ options: Options = Options()) { self.options = options }

  public func extend(_ network: Network, _ random: RandomStreams) throws {
    try network.learnPrompt(name) {
      PromptShelf(options.length, projection: options.projection > 0 ? options.projection : nil, for: $0)
    }
  }

  public func begin(_ experience: Experience, _ learner: Learner) throws {
    _ = order.admit(experience.task ?? experience.index)
    if try shelf(learner).grow(to: order.count, learner.random.stream("adapters")) {
      try learner.parametersChanged()
    }
    guard learner.objective.isClassification else { return }
    try held.hold(learner.vector.headRows(before: learner.session?.previousOutputs ?? 0), of: learner.vector)
  }

  public func select(task: Int?, _ learner: Learner) throws {
    try shelf(learner).heard = order.place(of: task).map { $0 + 1 }
  }

  public func transform(_ vector: ParameterVector, _ step: Step) throws { try held.zeroGradients(of: vector) }

  public func observe(_ step: Step) throws { try held.putBack(into: step.learner.vector) }

  private func shelf(_ learner: Learner) throws -> PromptShelf { try learner.model.attached(name) }

  public func state() throws -> State {
    var state = State()
    state["tasks"] = order
    state.set(try held.state(), under: "held")
    return state
  }

  public func restore(_ state: State, _ learner: Learner, past: (Int) throws -> Experience) throws {
    order = try state.require("tasks")
    held = try HeldWeights(state.scoped("held"), device: learner.device)
  }
}
