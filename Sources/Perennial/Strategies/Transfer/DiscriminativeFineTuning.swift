import Torch

/// Discriminative fine-tuning (Howard & Ruder 2018, section 3.3): every layer moves at its own rate, lower ones slower.
///
///     θ ← θ + f ⊙ u,   u the optimizer's update,   f_l = κ^(l − L) for layer l of L, 1 for the head,   κ = 2.6
///
/// or f = `backbone` for the whole backbone. The factor is of the update and not of the gradient, which Adam would
/// divide out again. The first experience is learned at full rates, unless the weights come from elsewhere (`after: 0`).
public final class DiscriminativeFineTuning: Strategy {
  public static let card = StrategyCard(
    "discriminative-fine-tuning", .transfer, summary: "Every layer moves at its own rate, lower ones slower.",
    formula: "θ_l ← θ_l + κ^(l−L) u_l,   u the optimizer's update, κ = 2.6",
    use: "Lower layers hold what is common to all experiences.", avoid: "Training from scratch.",
    cost: "Two passes over memory a step.",
    paper: "Howard & Ruder, Universal Language Model Fine-tuning for Text Classification, 2018"
  ) { DiscriminativeFineTuning($0) }

  /// What a recipe can choose.
  public struct Options: Configurable {
    /// κ: how much slower each layer is than the one above.
    public var divisor = 2.6
    /// One factor for the whole backbone in its place.
    public var backbone: Double?
    /// Experiences that are learned at full rates before.
    public var after = 1

    public init() {}

    public func validate(at node: ConfigurationNode) throws {
      try node.require("divisor", divisor, above: 0)
      try node.require("backbone", backbone, atLeast: 0)
      try node.require("after", after, atLeast: 0)
    }
  }

  public let name = "discriminative-fine-tuning"
  public var seesBatch: Bool { false }
  public let options: Options
  private var experiencesSeen = 0
  private var factors: (layout: VectorLayout, values: Tensor)?
  private var scaledStep = ScaledStep()

  public init(_ options: Options = Options()) { self.options = options }

  public func begin(_ experience: Experience, _ learner: Learner) throws { experiencesSeen += 1 }

  private var isNeutral: Bool { (options.backbone ?? options.divisor) == 1 }

  public func transform(_ vector: ParameterVector, _ step: Step) throws {
    guard experiencesSeen > options.after, !isNeutral else { return }
    try scaledStep.begin(vector)
  }

  public func observe(_ step: Step) throws {
    let vector = step.learner.vector
    try scaledStep.end(vector, factors(vector, step.model))
  }

  /// The factor of every parameter's update, `[P]`.
  func factors(_ vector: ParameterVector, _ network: Network) throws -> Tensor {
    if let factors, factors.layout == vector.layout { return factors.values }
    let depths = network.depths()
    let stages = network.backbone.stages.count
    let values = try Tensor.ones([vector.count], device: vector.values.device)
    for slot in vector.layout.slots {
      let below = stages - (depths[slot.path] ?? stages)
      guard below > 0 else { continue }
      let factor = options.backbone ?? (1..<below).reduce(1 / options.divisor) { f, _ in f / options.divisor }
      try values.narrow(dim: 0, start: slot.offset, count: slot.count).fill(factor)
    }
    factors = (vector.layout, values)
    return values
  }

  public func state() throws -> State {
    var state = State()
    state["experiences"] = experiencesSeen
    return state
  }

  public func restore(_ state: State, _ learner: Learner, past: (Int) throws -> Experience) throws {
    experiencesSeen = try state.require("experiences")
  }
}
