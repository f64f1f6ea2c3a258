import Torch

/// Deep mutual learning (Zhang et al. 2018): K networks learn together, each from the labels and from all others.
///
///     L_k = CE_k + w / (K − 1) · Σ_{l≠k} T² KL(p_l ‖ p_k)
///
/// The first network is the model, and the only one that stays; the others are its peers, of whatever architecture, with
/// initial values of their own. What a peer answers is a constant to those who learn from it. One forward pass of each
/// network a step serves all K (K − 1) comparisons, and one optimizer step moves all networks from the same answers; the
/// paper's algorithm asks a network again after its step, at twice the passes. A limit on the gradient's norm
/// is for all networks together. T = 1 and w = 1 published.
public final class MutualLearning: Strategy, Tunable {
  public static let card = StrategyCard(
    "mutual-learning", .distillation,
    summary: "Networks learn together, each from the labels and the others.",
    formula: "L_k = CE_k + w / (K − 1) Σ_l≠k T² KL(p_l ‖ p_k)",
    use: "There is no trained teacher, and time for several networks.",
    avoid: "A good teacher is at hand: `distillation`.", cost: "K networks in place of one; in use one.",
    paper: "Zhang et al., Deep Mutual Learning, 2018"
  ) { MutualLearning($0) }

  /// What a recipe can choose.
  public struct Options: Configurable {
    /// K − 1 more of the same model, or other models.
    public var peers = PeerChoice.copies(1)
    /// T
    public var temperature = 1.0
    /// w
    public var weight = 1.0

    public init() {}

    public func validate(at node: ConfigurationNode) throws {
      try node.require("peers", peers.count, atLeast: 1)
      try node.require("temperature", temperature, above: 0)
      try node.require("weight", weight, atLeast: 0)
    }
  }

  public let name = "mutual-learning"
  public let options: Options
  public var strength: Double
  private let given: [Blueprint]?
  private var circle = Module()
  private var members: [(network: Network, random: RandomStreams)] = []

  public init(_ options: Options = Options()) {
    self.options = options
    strength = options.weight
    given = nil
  }

  /// - Parameter peers: how to make each of the other networks.
  public init(peers: [Blueprint], options: Options = Options()) {
    self.options = options
    strength = options.weight
    given = peers
  }

  public func check(_ facts: StreamFacts) throws {
    guard facts.classes != nil else { throw StrategyError.needsClasses(name) }
  }

  public var models: [Selection] { if case .models(let models) = options.peers { models } else { [] } }
  public var companion: Module? { members.isEmpty ? nil : circle }
  public var peers: [(name: String, network: Network)] {
    members.enumerated().map { ("\(name)/\($0 + 1)", $1.network) }
  }

  public func begin(_ experience: Experience, _ learner: Learner) throws {
    if members.isEmpty { try meet(learner) }
    for (peer, random) in members {
      try peer.head.grow(to: learner.model.head.outputs, random.stream("head"))
    }
    try learner.parametersChanged()
  }

  public func terms(_ step: Step) throws -> [LossTerm] {
    guard !members.isEmpty else { return [] }
    let (learner, batch) = (step.learner, step.batch)
    let answers = try members.map { peer, _ in
      let features = try peer.features(batch.inputs)
      try peer.head.prepare(features, batch.targets)
      return try peer.head(features)
    }
    // Units of other tasks have a probability of 0, and 0 · ∞ would be no number.
    let all = try ([step.outputs] + answers).map { try learner.mask($0, batch).clamp(min: -1e30) }
    var others = try imitation(of: all, by: 1, batch)
    for (index, answer) in answers.enumerated() {
      if index > 0 { others = try others + imitation(of: all, by: index + 1, batch) }
      others = try others + learner.loss(answer, batch)
    }
    return [LossTerm(name, try imitation(of: all, by: 0, batch)), LossTerm("\(name)/peers", others)]
  }

  /// w / (K − 1) · Σ_{l≠k} T² KL(p_l ‖ p_k) for outputs `[N, C]` of all K networks, a constant but for the k-th.
  private func imitation(of outputs: [Tensor], by k: Int, _ batch: Batch) throws -> Tensor {
    let reduce = DistillationReducer()
    let parts = try outputs.indices.filter { $0 != k }.map { other in
      let values = try ResponseDistillation.forwardKL(
        student: outputs[k], teacher: outputs[other], temperature: options.temperature)
      return try reduce(values, temperature: options.temperature, weights: batch.weights)
    }
    return try Tensor.stack(parts).mean() * strength
  }

  public func state() throws -> State {
    var state = State()
    state["members"] = members.count
    for (index, member) in members.enumerated() {
      state["\(index)/outputs"] = member.network.head.outputs
      state.set(State(tensors: try member.network.stateDictionary()), under: "\(index)/network")
      state.set(State(tensors: try member.random.state()), under: "\(index)/random")
    }
    return state
  }

  public func restore(_ state: State, _ learner: Learner, past: (Int) throws -> Experience) throws {
    (members, circle) = ([], Module())
    guard try state.require("members") > 0 else { return }
    try meet(learner)
    for (index, member) in members.enumerated() {
      try member.network.head.grow(to: state.require("\(index)/outputs"), member.random.stream("head"))
      try member.network.load(state.scoped("\(index)/network").tensors)
      try member.random.restore(state.scoped("\(index)/random").tensors)
    }
  }

  /// Makes the peers, each from random streams of its own.
  private func meet(_ learner: Learner) throws {
    let blueprints =
      switch (given, options.peers) {
      case (let given?, _): given
      case (nil, .copies(let count)): [Blueprint](repeating: learner.blueprint, count: count)
      case (nil, .models(let models)): try models.map(learner.models)
      }
    for (index, blueprint) in blueprints.enumerated() {
      let random = RandomStreams(seed: RandomStreams.derive(learner.random.seed, "\(name)/\(index + 1)"))
      let network = try blueprint.make(random)
      circle.register("\(index + 1)", network)
      members.append((network, random))
    }
  }
}
