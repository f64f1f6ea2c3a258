import Torch

/// Hard attention to the task, HAT (Serrà, Surís, Miron & Karatzoglou 2018).
///
///     h_l ← a_l ⊙ h_l,   a_l = σ(s · e_l^t),   s = 1/s_max + (s_max − 1/s_max) · b/B        (eqs. 1, 3)
///     Δw_l,ij ← (1 − min(a_l,i^≤t, a_l−1,j^≤t)) Δw_l,ij,   a^≤t = max over tasks so far         (eq. 2)
///     ∂e ← ∂e · s_max (cosh(s e) + 1) / (s (cosh(e) + 1)),   |e| ≤ 6                           (eq. 4)
///     L = CE + λ Σ a_l (1 − a_l^<t) / Σ (1 − a_l^<t)                                           (eq. 5)
///
/// b counts the batches of an epoch of B. λ = 0.75, s_max = 400. Where the paper scales the gradient, the *move* is
/// scaled: for stochastic gradient descent that is the same, and neither momentum nor Adam can carry a weight on that
/// an earlier task needs. Biases follow their unit, the head's rows and the embeddings their task.
public final class HardAttention: Strategy {
  public static let card = StrategyCard(
    "hat", .isolation,
    summary: "Learns for each task which units it needs, and guards those from later tasks.",
    formula: "h ← σ(s e_t) ⊙ h;   Δw_ij ← (1 − min(a_i, a_j)) Δw_ij;   + λ Σ a (1 − a_<t) / Σ (1 − a_<t)",
    use: "Tasks are told: hardly any forgetting, and tasks share units where that helps.",
    avoid: "Tasks are not told, or there are more than the units can serve: watch the capacity.",
    cost: "One product a hidden layer and one pass over the weights a step; one number a unit and task.",
    paper: "Serrà et al., Overcoming catastrophic forgetting with hard attention to the task, 2018"
  ) { HardAttention($0) }

  /// What a recipe can choose.
  public struct Options: Configurable {
    /// The weight of the sparsity term, λ ("c" in the authors' code).
    public var lambda = 0.75
    /// The steepest gate, s_max.
    public var sMax = 400.0

    public init() {}

    public func validate(at node: ConfigurationNode) throws {
      try node.require("lambda", lambda, atLeast: 0)
      try node.require("s_max", sMax, atLeast: 1)
    }
  }

  public let name = "hat"
  public let options: Options
  private var order = TaskOrder()
  /// a^≤t of each stage `[width]`; empty before the first task's end.
  private var used: [Tensor] = []
  /// The gates of this step and how steep they are.
  private var attention: [Tensor] = []
  private var steepness = 1.0
  /// How far each weight may move, `[P]`, for the session's layout.
  private var freedom: Tensor?
  private var scaledStep = ScaledStep()

  public init(_ options: Options = Options()) { self.options = options }

  public func check(_ facts: StreamFacts) throws {
    try facts.requireTasks(name)
    try facts.requireOneTaskAtATime(name)
  }

  /// The share of all units that tasks so far use, in [0, 1].
  public func capacity() throws -> Double {
    guard !used.isEmpty else { return 0 }
    return try Tensor.concatenate(used).mean().item()
  }

  public func extend(_ network: Network, _ random: RandomStreams) throws {
    try network.requireStageWeights(name)
    network.register(name, try TaskEmbeddings(widths: network.backbone.stages.map(\.width)))
  }

  public func begin(_ experience: Experience, _ learner: Learner) throws {
    _ = order.admit(try experience.requireTask(name))
    if try embeddings(learner).grow(to: order.count, learner.random.stream("hat")) {
      try learner.parametersChanged()
    }
    if order.count > 1 { learner.model.freezeStatistics() }
    freedom = nil
  }

  public func rehearse(_ batch: Batch, _ learner: Learner) throws -> Batch {
    guard let session = learner.session else { return batch }
    let batches = (session.examples.count + learner.options.batch - 1) / learner.options.batch
    steepness = Self.steepness(step: session.step, batches: batches, maximum: options.sMax)
    attention = try gates(learner, place: order.count - 1, steepness: steepness)
    for (stage, gate) in zip(learner.model.backbone.stages, attention) { stage.gate.values = gate }
    return batch
  }

  public func terms(_ step: Step) throws -> [LossTerm] {
    guard options.lambda > 0 else { return [] }
    return [LossTerm(name, try Self.sparsity(attention, used: used) * options.lambda)]
  }

  public func transform(_ vector: ParameterVector, _ step: Step) throws {
    try noGrad {
      for (slot, parameter) in zip(vector.layout.slots, vector.parameters) where parameter.kind == .mask {
        let gradient = try vector.layout.view(slot, of: vector.gradients)
        try gradient.multiply(
          by: Self.compensation(parameter.value, steepness: steepness, maximum: options.sMax))
      }
    }
    try scaledStep.begin(vector)
  }

  public func observe(_ step: Step) throws {
    let vector = step.learner.vector
    let freedom = try self.freedom ?? freedom(step.learner, step.session)
    self.freedom = freedom
    try scaledStep.end(vector, freedom)
    try noGrad {
      for parameter in vector.parameters where parameter.kind == .mask {
        try parameter.value.clampInPlace(min: -6, max: 6)
      }
    }
  }

  public func end(_ experience: Experience, _ learner: Learner) throws {
    let now = try noGrad { try gates(learner, place: order.count - 1, steepness: options.sMax) }
    used = used.isEmpty ? now : try zip(used, now).map { try $0.maximum($1) }
  }

  public var answersBeyondModel: Bool { true }

  public func select(task: Int?, _ learner: Learner) throws {
    let place = order.place(of: task)
    let chosen = try noGrad { try place.map { try gates(learner, place: $0, steepness: options.sMax) } }
    for (index, stage) in learner.model.backbone.stages.enumerated() {
      stage.gate.values = chosen?[index]
    }
  }

  private func embeddings(_ learner: Learner) throws -> TaskEmbeddings { try learner.model.attached(name) }

  /// σ(s · e) of each stage, `[width]`.
  private func gates(_ learner: Learner, place: Int, steepness: Double) throws -> [Tensor] {
    try embeddings(learner).values.map { try ($0.value[place] * steepness).sigmoid() }
  }

  public func state() throws -> State {
    var state = State()
    state["tasks"] = order
    for (index, gate) in used.enumerated() { state.tensors["used/\(index)"] = try gate.clone() }
    return state
  }

  public func restore(_ state: State, _ learner: Learner, past: (Int) throws -> Experience) throws {
    order = try state.require("tasks")
    let tensors = state.scoped("used").tensors
    used = try (0..<tensors.count).compactMap { try tensors["\($0)"]?.to(learner.device) }
    freedom = nil
    if order.count > 1 { learner.model.freezeStatistics() }
  }
}

// MARK: - The formulas

extension HardAttention {
  /// s of a step: from 1/s_max at the first batch of each epoch up towards s_max.
  static func steepness(step: Int, batches: Int, maximum: Double) -> Double {
    1 / maximum + (maximum - 1 / maximum) * Double(step % batches) / Double(batches)
  }

  /// Σ a (1 − a^<t) / Σ (1 − a^<t); the mean of a while nothing is used.
  static func sparsity(_ attention: [Tensor], used: [Tensor]) throws -> Tensor {
    let all = try Tensor.concatenate(attention)
    guard !used.isEmpty else { return try all.mean() }
    let free = try noGrad { try 1 - Tensor.concatenate(used) }
    return try (all * free).sum() / free.sum().clamp(min: 1e-12)
  }

  /// What the gradient of embeddings e is multiplied by: it undoes the steepness that differs from batch to batch.
  static func compensation(_ embedding: Tensor, steepness s: Double, maximum: Double) throws -> Tensor {
    let steep = try (embedding * s).clamp(min: -50, max: 50).cosh() + 1
    return try steep / (embedding.cosh() + 1) * (maximum / s)
  }

  /// 1 − min(a_out, a_in) for weights `[out, in, …]`; a_in of fewer units than `in` stands for channels that were
  /// flattened, nil for raw inputs.
  static func freedom(_ shape: [Int], output: Tensor, input: Tensor?) throws -> Tensor {
    let column = try output.reshape([-1] + shape.dropFirst().map { _ in 1 })
    guard let input, shape.count > 1 else { return try (1 - column).expand(shape) }
    let pixels = shape[1] / input.count
    let row = try input.repeatInterleaved(pixels, dim: 0).reshape(
      [1, -1] + shape.dropFirst(2).map { _ in 1 })
    return try (1 - column.minimum(row)).expand(shape)
  }

  /// How far each weight may move: 1 freely, 0 not at all.
  private func freedom(_ learner: Learner, _ session: Session) throws -> Tensor {
    let stages = learner.model.backbone.stages
    var ofStages: [ObjectIdentifier: Tensor] = [:]
    for (index, stage) in stages.enumerated() where !used.isEmpty {
      let input = index > 0 ? used[index - 1] : nil
      for parameter in [stage.weight, stage.bias].compactMap({ $0 }) {
        ofStages[ObjectIdentifier(parameter)] = try Self.freedom(
          parameter.value.shape, output: used[index], input: parameter === stage.weight ? input : nil)
      }
    }
    let isOldRow = try learner.vector.headRows(before: session.previousOutputs)
    let others: Double = used.isEmpty ? 1 : 0
    return try learner.vector.map(.float32) { slot, parameter in
      switch parameter.kind {
      case .head: try 1 - learner.vector.layout.view(slot, of: isOldRow).to(.float32)
      case .mask:
        try (Tensor.arange(0, slot.shape[0]) .== order.count - 1).to(.float32).unsqueeze(1)
      default: try ofStages[ObjectIdentifier(parameter)] ?? Tensor.full([], others)
      }
    }
  }
}

/// One embedding a task for the units of each stage.
private final class TaskEmbeddings: Module {
  /// `[tasks, width]` of each stage.
  let values: [Parameter]

  init(widths: [Int]) throws {
    values = try widths.map { Parameter(try Tensor.zeros([0, $0]), kind: .mask) }
    super.init()
    for (index, parameter) in values.enumerated() { register("\(index)", parameter) }
  }

  /// Adds tasks, their embeddings from N(0, 1); says whether there were any to add.
  func grow(to tasks: Int, _ generator: Generator) throws -> Bool {
    var grew = false
    for parameter in values where parameter.value.shape[0] < tasks {
      let (old, width) = (parameter.value.shape[0], parameter.value.shape[1])
      let rows = try Tensor.normal([tasks - old, width], generator).to(parameter.value.device)
      parameter.replace(with: try noGrad { try Tensor.concatenate([parameter.value.detach(), rows]) })
      grew = true
    }
    return grew
  }

  override func fit(_ shapes: [String: [Int]]) throws {
    for (index, parameter) in values.enumerated() {
      if let shape = shapes["\(index)"], shape[0] > parameter.value.shape[0] {
        parameter.replace(with: try Tensor.zeros(shape, device: parameter.value.device))
      }
    }
  }
}
