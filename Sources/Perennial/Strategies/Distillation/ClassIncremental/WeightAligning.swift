import Torch

/// Maintaining discrimination and fairness (Zhao et al. 2020, WA): after an experience the vectors of its classes are
/// brought to the mean length of the older ones.
///
///     L = (1 − λ) CE + λ KL(softmax(z_old / T) ‖ softmax(z / T)),   λ = n / (n + m) with n old and m new classes
///     w_new ← w_new · mean ‖w_old‖ / mean ‖w_new‖                  after the experience
///
/// Biases stay. The paper also keeps the weights of the head positive, so that lengths tell outputs better: `positive`.
public final class WeightAligning: MixedDistillation {
  public static let card = StrategyCard(
    "wa", .distillation,
    summary: "Distillation, then new class vectors get the mean length of old ones.",
    formula: "L = (1−λ) CE + λ KL(old ‖ now), λ = n/(n+m);  w_new ← w_new · mean‖w_old‖ / mean‖w_new‖",
    use: "New classes in experiences: the simplest cure of the bias to new classes.",
    avoid: "Data must not be stored.",
    cost: "One more forward pass a step; a copy of the model; the exemplars in every epoch.",
    paper: "Zhao et al., Maintaining Discrimination and Fairness in Class Incremental Learning, 2020"
  ) { WeightAligning($0) }

  /// What a recipe can choose.
  public struct Options: MixtureOptions {
    public var memory = 2000
    public var perClass: Int?
    public var selection = ExemplarSelection.herding
    /// λ; n / (n + m) when nil.
    public var lambda: Double?
    /// T
    public var temperature = 2.0
    /// Whether vectors are aligned.
    public var align = true
    /// Whether the weights of the head are kept from falling below 0.
    public var positive = false

    public init() {}

    public func validate(at node: ConfigurationNode) throws {
      try validateMixture(at: node)
    }
  }

  public let name = "wa"
  public let options: Options
  public let exemplars: ExemplarMemory
  public let teacher = PastSelf()

  public init(_ options: Options = Options()) {
    self.options = options
    exemplars = ExemplarMemory(options)
  }

  public func extend(_ network: Network, _ random: RandomStreams) throws {
    guard network.head is any InnerProductHead else {
      throw StrategyError.model(name, "aligns the lengths of class vectors: write `head: linear`")
    }
  }

  public func observe(_ step: Step) throws {
    guard options.positive, let head = step.model.head as? any InnerProductHead else { return }
    try noGrad { try head.weight.value.clampInPlace(min: 0) }
  }

  public func end(_ experience: Experience, _ learner: Learner) throws {
    if options.align, let head = learner.model.head as? any InnerProductHead {
      try Self.align(head.weight.value, old: teacher.known, units: head.outputs)
    }
    try exemplars.admit(experience, learner)
    try teacher.end(learner)
  }

  /// Brings rows `old ..< units` of `[≥ units, D]` to the mean length of those before; nothing where there are none.
  static func align(_ weight: Tensor, old: Int, units: Int) throws {
    guard old > 0, units > old else { return }
    try noGrad {
      let lengths = try weight.norm([1])
      let before = try lengths.narrow(dim: 0, start: 0, count: old).mean()
      let after = try lengths.narrow(dim: 0, start: old, count: units - old).mean()
      let rows = try weight.narrow(dim: 0, start: old, count: units - old)
      try rows.multiply(by: before / after.clamp(min: 1e-12))
    }
  }
}
