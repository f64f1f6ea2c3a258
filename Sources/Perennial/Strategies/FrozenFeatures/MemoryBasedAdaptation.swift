import Torch

/// Memory-based parameter adaptation (Sprechmann et al. 2018): each question adapts the output layer to its neighbours
/// in memory for the moment of the answer.
///
///     w_k ∝ 1 / (ε + ‖h_k − q‖²),   k = 1 … K nearest
///     Δ ← Δ − α ∇_Δ [ −Σ_k w_k log p(v_k | h_k; θ + Δ) + ½ β ‖Δ‖² ],   S times from Δ = 0
///
/// q and h_k are features. The model is never written to: every question has a Δ of its own, all of them learned at once
/// as a batch. Raw examples are kept and their features computed with the model of today, since features stored in
/// training would go stale; they are computed once for all questions between two steps.
public final class MemoryBasedAdaptation: Strategy {
  public static let card = StrategyCard(
    "mbpa", .frozenFeatures,
    summary: "Each question adapts the output layer to its neighbours in memory, for that answer alone.",
    formula: "Δ ← Δ − α ∇[−Σ_k w_k log p(v_k|h_k; θ+Δ) + ½ β‖Δ‖²],   w_k ∝ 1/(ε + ‖h_k − q‖²)",
    use: "Features are good and the output layer forgets; training must stay as it is.",
    avoid: "Answers must be cheap.",
    cost:
      "Nothing in training but the memory; in use a search and a few steps on the output layer a question.",
    paper: "Sprechmann et al., Memory-based Parameter Adaptation, 2018"
  ) { MemoryBasedAdaptation($0) }

  /// What a recipe can choose. The paper tunes α a problem, with K and S in the tens and ones.
  public struct Options: Configurable {
    /// Examples kept, as many of each class.
    public var memory = 1000
    /// K
    public var neighbours = 32
    /// S
    public var steps = 5
    /// α
    public var learningRate = 0.1
    /// β
    public var decay = 0.0
    /// ε
    public var epsilon = 1e-3

    public init() {}

    public func validate(at node: ConfigurationNode) throws {
      try node.require("memory", memory, atLeast: 1)
      try node.require("neighbours", neighbours, atLeast: 1)
      try node.require("steps", steps, atLeast: 0)
      try node.require("learning_rate", learningRate, atLeast: 0)
      try node.require("decay", decay, atLeast: 0)
      try node.require("epsilon", epsilon, above: 0)
    }
  }

  public let name = "mbpa"
  public var seesBatch: Bool { false }
  public let options: Options
  public var memory: ReplayMemory? { rehearsal.memory }
  private let rehearsal: Rehearsal
  private var features: (step: Int, keys: Tensor)?
  /// Questions that are adapted to at once.
  private static let batch = 250

  public init(_ options: Options = Options()) {
    self.options = options
    rehearsal = Rehearsal(memory: options.memory, policy: .classBalanced, purpose: "mbpa")
  }

  public func check(_ facts: StreamFacts) throws {
    guard facts.classes != nil else { throw StrategyError.needsClasses(name) }
    try rehearsal.check(facts)
  }

  public func begin(_ experience: Experience, _ learner: Learner) throws {
    _ = try layer(learner)
    try rehearsal.begin(learner)
  }

  public func observe(_ step: Step) throws { try rehearsal.insert(step) }

  public var answersBeyondModel: Bool { true }

  public func answer(_ question: Question, _ learner: Learner) throws -> Tensor? {
    guard let memory, options.steps > 0, let examples = try memory.examples else { return nil }
    var keys = try keys(learner, examples)
    var values = try examples.targets.to(learner.device)
    if let task = question.task, let tasks = examples.tasks {
      let own = try (tasks .== task).nonzero().flatten().to(learner.device)
      guard own.count > 0 else { return nil }
      (keys, values) = try (keys.indexSelect(own), values.indexSelect(own))
    }
    let barred = try barred(question.task, learner)
    let rows = question.features.shape[0]
    let (weight, bias) = try layer(learner)
    let parts = try stride(from: 0, to: rows, by: Self.batch).map { start in
      let queries = try question.features.narrow(dim: 0, start: start, count: min(Self.batch, rows - start))
      return try adapt(queries, keys, values, weight, bias, barred)
    }
    return try parts.isEmpty ? nil : Tensor.concatenate(parts)
  }

  /// Outputs `[N, K]` of queries `[N, D]`, each by a layer adapted to its own neighbours.
  ///
  /// - Parameter barred: −∞ at units that do not take part, else 0, `[K]`.
  func adapt(
    _ queries: Tensor, _ keys: Tensor, _ values: Tensor, _ weight: Tensor, _ bias: Tensor, _ barred: Tensor
  ) throws -> Tensor {
    let rows = queries.shape[0]
    let (distances, places) = try noGrad {
      try queries.pairwiseDistances(to: keys).topK(
        min(options.neighbours, keys.shape[0]), dim: 1, largest: false)
    }
    let near = try keys.indexSelect(places.flatten()).reshape([rows, places.shape[1], -1])
    let labels = try values.indexSelect(places.flatten())
    let kernel = try (distances.square() + options.epsilon).reciprocal()
    let shares = try (kernel / kernel.sum([1], keepDims: true)).flatten()
    var deltas = try [
      Tensor.zeros([rows] + weight.shape, device: weight.device),
      Tensor.zeros([rows, 1] + bias.shape, device: bias.device),
    ]
    func outputs(_ inputs: Tensor, _ deltas: [Tensor]) throws -> Tensor {
      try inputs.batchedMatmul((deltas[0] + weight).T) + deltas[1] + bias
    }
    for _ in 0..<options.steps {
      let slopes = try withGrad {
        let leaves = try deltas.map { try $0.detach() }
        for leaf in leaves { try leaf.setRequiresGrad(true) }
        let logits = try outputs(near, leaves).flatten(from: 0, to: 1) + barred
        let losses = try logits.crossEntropy(labels, reduction: .none)
        return try gradients(of: (losses * shares).sum(), withRespectTo: leaves)
      }
      deltas = try zip(deltas, slopes).map {
        try $0 * (1 - options.learningRate * options.decay) - $1 * options.learningRate
      }
    }
    return try outputs(queries.unsqueeze(1), deltas).squeeze(1)
  }

  /// The output layer's weights `[K, D]` and biases `[K]`, outside the graph.
  private func layer(_ learner: Learner) throws -> (weight: Tensor, bias: Tensor) {
    if let head = learner.model.head as? LinearHead {
      return (try head.weight.value.detach(), try head.bias.value.detach())
    }
    if let head = learner.model.head as? FixedHead {
      return try (
        head.weight.value.detach().narrow(dim: 0, start: 0, count: head.outputs),
        head.bias.value.detach().narrow(dim: 0, start: 0, count: head.outputs)
      )
    }
    throw StrategyError.model(name, "adapts a linear output layer; use `head: linear` or `head: fixed`")
  }

  private func barred(_ task: Int?, _ learner: Learner) throws -> Tensor {
    let units = learner.model.head.outputs
    guard let task, let own = learner.classes.tasks[task] else {
      return try Tensor.zeros([units], device: learner.device)
    }
    var values = [Float](repeating: -.infinity, count: units)
    for unit in own { values[unit] = 0 }
    return try Tensor(values).to(learner.device)
  }

  private func keys(_ learner: Learner, _ examples: Examples) throws -> Tensor {
    if let features, features.step == learner.totalSteps { return features.keys }
    let inputs = try learner.pipeline(
      examples.inputs, Tensor.arange(0, examples.count), augmentation: nil, device: learner.device)
    let keys = try learner.model.features(inputs).detach()
    features = (learner.totalSteps, keys)
    return keys
  }

  public var replayBytes: Int { rehearsal.byteCount }
  public func state() throws -> State { try rehearsal.state() }

  public func restore(_ state: State, _ learner: Learner, past: (Int) throws -> Experience) throws {
    features = nil
    try rehearsal.restore(state, learner)
  }
}
