import Torch

/// Gradual unfreezing (Howard & Ruder 2018, section 3.3): a new experience trains the head alone at first; then one layer
/// after the other joins, from the top down.
///
///     at step s the head and the top ⌊s / n⌋ layers learn,   n = one epoch
///
/// The first experience is learned as a whole, unless the weights come from elsewhere (`after: 0`).
public final class GradualUnfreezing: Strategy {
  public static let card = StrategyCard(
    "gradual-unfreezing", .transfer, summary: "Layers join training one by one, from the top down.",
    formula: "at step s of an experience the head and the top ⌊s/n⌋ layers learn",
    use: "Weights from elsewhere, or a new experience, must not be upset by a head that knows nothing yet.",
    avoid: "Training from scratch.", cost: "Less than fine-tuning.",
    paper: "Howard & Ruder, Universal Language Model Fine-tuning for Text Classification, 2018"
  ) { GradualUnfreezing($0) }

  /// What a recipe can choose.
  public struct Options: Configurable {
    /// Steps between two layers, n; one epoch when nil.
    public var every: Int?
    /// Experiences that are learned as a whole before.
    public var after = 1

    public init() {}

    public func validate(at node: ConfigurationNode) throws {
      try node.require("every", every, atLeast: 1)
      try node.require("after", after, atLeast: 0)
    }
  }

  public let name = "gradual-unfreezing"
  public var seesBatch: Bool { false }
  public let options: Options
  private var experiencesSeen = 0
  /// Layers that learn; all of them when nil.
  private var learning: Int?

  public init(_ options: Options = Options()) { self.options = options }

  public func begin(_ experience: Experience, _ learner: Learner) throws {
    experiencesSeen += 1
    if experiencesSeen > options.after { try unfreeze(0, learner) }
  }

  public func rehearse(_ batch: Batch, _ learner: Learner) throws -> Batch {
    guard let learning, let session = learner.session else { return batch }
    let epoch = (session.examples.count + learner.options.batch - 1) / learner.options.batch
    let wanted = session.step / (options.every ?? max(epoch, 1))
    if wanted != learning { try unfreeze(wanted, learner) }
    return batch
  }

  private func unfreeze(_ layers: Int, _ learner: Learner) throws {
    let depths = learner.model.depths()
    let stages = learner.model.backbone.stages.count
    let isNew = min(layers, stages) != learning.map { min($0, stages) }
    learning = layers
    guard isNew else { return }
    learner.model.freeze { (depths[$0] ?? stages) < stages - layers }
    learner.model.train(learner.session != nil)
    try learner.parametersChanged()
  }

  public func state() throws -> State {
    var state = State()
    state["experiences"] = experiencesSeen
    state["learning"] = learning
    return state
  }

  public func restore(_ state: State, _ learner: Learner, past: (Int) throws -> Experience) throws {
    experiencesSeen = try state.require("experiences")
    learning = state["learning"]
  }
}
