import Torch

/// CWR*: copy weights with re-initialisation (Lomonaco, Maltoni & Pellegrini 2020, algorithm 1; after Lomonaco &
/// Maltoni 2017).
///
///     t_w ← 0;  train;  per class j of the experience, with n_j examples and P_j seen before:
///     c_j ← (c_j √(P_j / n_j) + (t_j − mean t)) / (√(P_j / n_j) + 1),   P_j ← P_j + n_j
///
/// The head that learns, t, starts each experience at 0; what is asked is the consolidated head c. The backbone learns
/// with the first experience only.
public final class CopyWeights: Strategy {
  public static let card = StrategyCard(
    "cwr", .isolation,
    summary: "CWR*: a consolidated head beside the one that learns, over a backbone then frozen.",
    formula: "c_j ← (c_j √(P_j/n_j) + t_j − mean t) / (√(P_j/n_j) + 1)",
    use:
      "No data may be kept, classes compete, and the first experience, or pretraining, gives features that serve.",
    avoid: "Later experiences need other features.",
    cost: "Less than fine-tuning: after the first experience only the head learns.",
    paper: "Lomonaco et al., Rehearsal-free continual learning over small non-i.i.d. batches, 2020"
  ) { CopyWeights($0) }

  /// Nothing to choose.
  public struct Options: Configurable {
    public init() {}
  }

  public let name = "cwr"
  public var seesBatch: Bool { false }
  private var experiences = 0
  private var held = HeldWeights()
  /// c `[K, D]` and `[K]`, and P `[K]`.
  private var weight: Tensor?
  private var bias: Tensor?
  private var seen: [Double] = []

  public init(_ options: Options = Options()) {}

  public func check(_ facts: StreamFacts) throws {
    if facts.classes == nil { throw StrategyError.needsClasses(name) }
  }

  public func extend(_ network: Network, _ random: RandomStreams) throws {
    guard network.head is LinearHead else {
      throw StrategyError.model(name, "consolidates linear heads: use `head: linear`")
    }
  }

  public func begin(_ experience: Experience, _ learner: Learner) throws {
    experiences += 1
    guard let head = learner.model.head as? LinearHead else { return }
    try noGrad {
      try head.weight.value.detach().zero()
      try head.bias.value.detach().zero()
    }
    guard experiences > 1 else { return }
    learner.model.freezeStatistics()
    try held.hold(
      learner.vector.map { _, parameter in try Tensor([parameter.kind != .head], shape: []) },
      of: learner.vector)
  }

  public func transform(_ vector: ParameterVector, _ step: Step) throws { try held.zeroGradients(of: vector) }

  public func observe(_ step: Step) throws { try held.putBack(into: step.learner.vector) }

  public func end(_ experience: Experience, _ learner: Learner) throws {
    guard let head = learner.model.head as? LinearHead, let session = learner.session else { return }
    let counts = try session.examples.targets.bincount(minimum: head.outputs).integers().map(Double.init)
    seen += [Double](repeating: 0, count: head.outputs - seen.count)
    try noGrad {
      weight = try Self.consolidated(
        weight, with: head.weight.value, counts: counts, seen: seen)
      bias = try Self.consolidated(bias, with: head.bias.value, counts: counts, seen: seen)
    }
    seen = zip(seen, counts).map { $0 + $1 }
  }

  /// c after an experience: rows of classes that it has move, others stay.
  ///
  /// - Parameters:
  ///   - old: c before, `[K', …]`, K' ≤ K.
  ///   - learned: t, `[K, …]`.
  ///   - counts: the examples of each class in the experience, and in those before.
  static func consolidated(_ old: Tensor?, with learned: Tensor, counts: [Double], seen: [Double]) throws
    -> Tensor
  {
    let result = try learned.zerosLike()
    if let old { try result.narrow(dim: 0, start: 0, count: old.shape[0]).copy(from: old) }
    let present = counts.indices.filter { counts[$0] > 0 }
    let mean = try learned.indexSelect(Tensor(present).to(learned.device)).mean()
    for unit in present {
      let past = (seen[unit] / counts[unit]).squareRoot()
      let moved =
        try
        (result.narrow(dim: 0, start: unit, count: 1) * past
        + (learned.narrow(dim: 0, start: unit, count: 1) - mean)) / (past + 1)
      try result.narrow(dim: 0, start: unit, count: 1).copy(from: moved)
    }
    return result
  }

  public var answersBeyondModel: Bool { true }

  public func answer(_ question: Question, _ learner: Learner) throws -> Tensor? {
    guard let weight, let bias else { return nil }
    return try question.features.linear(weight, bias: bias)
  }

  public func state() throws -> State {
    var state = State()
    state["experiences"] = experiences
    state["seen"] = seen
    state.set(try held.state(), under: "held")
    if let weight, let bias { (state.tensors["weight"], state.tensors["bias"]) = (weight, bias) }
    return state
  }

  public func restore(_ state: State, _ learner: Learner, past: (Int) throws -> Experience) throws {
    experiences = try state.require("experiences")
    seen = try state.require("seen")
    held = try HeldWeights(state.scoped("held"), device: learner.device)
    weight = try state.tensors["weight"]?.to(learner.device)
    bias = try state.tensors["bias"]?.to(learner.device)
    if experiences > 1 { learner.model.freezeStatistics() }
  }
}
