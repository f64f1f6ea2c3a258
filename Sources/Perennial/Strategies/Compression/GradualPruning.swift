import Torch

/// Gradual magnitude pruning: the smallest weights go while the model learns, until the wanted share is 0.
///
///     s_t = s (1 − (1 − (t − t₀) / (t₁ − t₀))³)      of each layer's weights, by their magnitude
///
/// Zhu & Gupta, To prune, or not to prune, 2017, eq. 1. Weights that went stay 0; those left go on learning, beside
/// `distillation` from a teacher that has all. Biases, normalisation and the head are not pruned.
/// Cost: two passes over the parameters a step; a sort of each layer's weights a few times.
public final class GradualPruning: Strategy {
  public static let card = StrategyCard(
    "pruning", .compression, summary: "Sets the smallest weights to 0 while the model learns.",
    formula: "s_t = s (1 − (1 − (t − t₀) / (t₁ − t₀))³)",
    use: "The model shall be small, and its runtime knows sparse weights.",
    avoid: "Later experiences need room: see `packnet`.",
    cost: "Two passes over the parameters a step.",
    paper: "Zhu & Gupta, To prune, or not to prune, 2017"
  ) { GradualPruning($0) }

  /// What a recipe can choose.
  public struct Options: Configurable {
    /// s, the share of weights that are 0 at the end.
    public var sparsity = 0.8
    /// t₀ and t₁ as shares of the first experience.
    public var begin = 0.2
    public var end = 0.8

    public init() {}

    public func validate(at node: ConfigurationNode) throws {
      try node.require("sparsity", sparsity, in: 0..<1)
      try node.require("begin", begin, in: 0...1)
      try node.require("end", end, in: 0...1)
      guard begin < end else {
        throw node.error(at: "end", "must be after `begin`, \(begin), found `\(end)`")
      }
    }
  }

  public let name = "pruning"
  public var seesBatch: Bool { false }
  public let options: Options
  private var held = HeldWeights()
  private var isDone = false
  /// How often weights go on the way.
  private static let cuts = 20

  public init(_ options: Options = Options()) { self.options = options }

  public func check(_ facts: StreamFacts) throws {
    try facts.refuse(["packnet": "both decide which weights are 0"], beside: name)
  }

  /// s_t at a share of the experience.
  func sparsity(at progress: Double) -> Double {
    let way = min(max((progress - options.begin) / (options.end - options.begin), 0), 1)
    let left = 1 - way
    return options.sparsity * (1 - left * left * left)
  }

  public func transform(_ vector: ParameterVector, _ step: Step) throws { try held.zeroGradients(of: vector) }

  public func observe(_ step: Step) throws {
    let vector = step.learner.vector
    try held.putBack(into: vector)
    let steps = Double(step.session.steps)
    let cut = { (number: Int) in
      Int(
        (Double(Self.cuts) * (Double(number) / steps - self.options.begin)
          / (self.options.end - self.options.begin))
          .rounded(.down))
    }
    let (before, now) = (cut(step.number), cut(step.number + 1))
    if !isDone, now != before, now > 0, before < Self.cuts {
      try prune(vector, to: sparsity(at: Double(step.number + 1) / steps))
    }
  }

  public func end(_ experience: Experience, _ learner: Learner) throws { isDone = true }

  private func prune(_ vector: ParameterVector, to share: Double) throws {
    try noGrad {
      let mask = try vector.map { slot, parameter in
        guard parameter.kind == .weight, parameter.value.rank > 1 else {
          return try Tensor([false], shape: [])
        }
        let sizes = try vector.layout.view(slot, of: vector.values).abs()
        let count = Int((share * Double(sizes.count)).rounded())
        guard count > 0 else { return try Tensor([false], shape: []) }
        return try sizes .<= sizes.flatten().sorted().values.select(count - 1, dim: 0)
      }
      try vector.values.copy(from: vector.values.maskedFill(mask, 0))
      try held.hold(mask, of: vector)
    }
  }

  public func state() throws -> State {
    var state = State()
    state["done"] = isDone
    state.set(try held.state(), under: "held")
    return state
  }

  public func restore(_ state: State, _ learner: Learner, past: (Int) throws -> Experience) throws {
    isDone = try state.require("done")
    held = try HeldWeights(state.scoped("held"), device: learner.device)
  }
}
