import Torch

/// Continual prototype evolution (De Lange & Tuytelaars 2021, CoPE): one prototype a class that follows the features.
///
///     L = −(1/|B|) [ Σ_i log P(c|x_i^c) + Σ_i Σ_{x_j of other classes} log (1 − P_i(c|x_j)) ]
///
/// the pseudo-prototypical proxy loss. With embeddings f of length 1 and s(a, b) = exp(a·b / T),
///
/// - P(c|x_i) is the mean of s(f_i, a) / (s(f_i, a) + Σ_{k≠c} s(f_i, p_k)) over a: the prototype p_c and the other items of
///   the class in the batch, which stand in for it;
/// - P_i(c|x_j) is the mean of the same for f_j over a: p_c and the item i that it is to keep away from.
///
/// What an embedding is compared with is held still. After the step p_c ← α p_c + (1 − α) · mean of the class's embeddings,
/// both of length 1; a class starts with the mean of its first batch. The nearest prototype answers. Batches are joined
/// by as many items of a class-balanced memory. Published: α = 0.99, T = 0.1, SGD 0.01, batches of 10 seen once.
public final class ContinualPrototypeEvolution: Strategy {
  public static let card = StrategyCard(
    "cope", .replay,
    summary: "Class prototypes that follow the features, with a proxy loss and a balanced memory.",
    formula:
      "p_c ← α p_c + (1 − α) mean f(x_c);  L pulls f to its prototype and pseudo-prototypes, off others",
    use: "Streams seen once, with classes of very different frequency.",
    avoid: "Data must not be stored.",
    cost: "A step on twice the items; memory as many raw examples as asked for.",
    paper: "De Lange & Tuytelaars, Continual Prototype Evolution, 2021"
  ) { ContinualPrototypeEvolution($0) }

  /// What a recipe can choose.
  public struct Options: Configurable {
    /// Examples kept.
    public var memory = 2000
    /// Width of the embedding, a linear layer on the features; the features themselves when nil.
    public var embedding: Int? = 32
    /// α
    public var momentum = 0.99
    /// T
    public var temperature = 0.1
    /// Remembered items a step; as many as fresh ones when nil.
    public var batch: Int?

    public init() {}

    public func validate(at node: ConfigurationNode) throws {
      try node.require("memory", memory, atLeast: 1)
      try node.require("embedding", embedding, atLeast: 1)
      try node.require("momentum", momentum, in: 0...1)
      try node.require("temperature", temperature, above: 0)
      try node.require("batch", batch, atLeast: 1)
    }
  }

  public let name = "cope"
  public let options: Options
  public var memory: ReplayMemory? { rehearsal.memory }
  private let rehearsal: Rehearsal
  /// `[K, E]`, rows of zeros for classes never met.
  private(set) var prototypes: Tensor?
  /// Embeddings of the step being taken, outside the graph.
  private var seen: Tensor?

  public init(_ options: Options = Options()) {
    self.options = options
    rehearsal = Rehearsal(memory: options.memory, policy: .classBalanced, purpose: "memory")
  }

  public func check(_ facts: StreamFacts) throws {
    guard facts.classes != nil else { throw StrategyError.needsClasses(name) }
    try rehearsal.check(facts)
  }

  public func extend(_ network: Network, _ random: RandomStreams) throws {
    guard let width = options.embedding else { return }
    network.register(name, try Linear(network.backbone.featureCount, width, random.stream("cope")))
  }

  public func begin(_ experience: Experience, _ learner: Learner) throws { try rehearsal.begin(learner) }

  public func rehearse(_ batch: Batch, _ learner: Learner) throws -> Batch {
    try rehearsal.join(batch, options.batch, learner)
  }

  public var replacesLoss: Bool { true }

  public func loss(_ step: Step) throws -> Tensor? {
    let embedded = try embed(step.features, step.model)
    seen = try embedded.detach()
    try startPrototypes(step)
    guard let prototypes else { return nil }
    return try Self.loss(
      embedded, step.batch.targets, prototypes: prototypes, known: Self.known(prototypes),
      temperature: options.temperature)
  }

  /// The pseudo-prototypical proxy loss of embeddings `[N, E]` of length 1 with units `[N]`.
  ///
  /// - Parameters:
  ///   - prototypes: `[K, E]`, of length 1 where known.
  ///   - known: 1 for units that have a prototype, else 0, `[K]`; every unit of the batch has one.
  static func loss(
    _ embeddings: Tensor, _ units: Tensor, prototypes: Tensor, known: Tensor, temperature: Double
  ) throws -> Tensor {
    let held = try embeddings.detach()
    let own = try units.oneHot(classes: prototypes.shape[0]).to(.float32)
    let same = try own.matmul(own.T)
    let sameOther = try same - Tensor.eye(units.count, device: same.device)
    // Rows are the embeddings that move, columns what they are compared with.
    let toItems = try (embeddings.matmul(held.T) / temperature).exp()
    let toPrototypes = try (embeddings.matmul(prototypes.T) / temperature).exp() * known
    let toOwn = try (toPrototypes * own).sum([1])
    let toOthers = try (toPrototypes * (1 - own)).sum([1])

    // With one class there is nothing to keep away from, and the probabilities are 1.
    let fromItems = try (toItems / (toItems + toOthers.unsqueeze(1)) * sameOther).sum([1])
    let fromPrototype = try toOwn / (toOwn + toOthers)
    let attraction = try ((fromItems + fromPrototype) / same.sum([1])).log().sum()

    // Entry [j, i]: j is to stay away from i and from the prototype of i's class.
    let prototypeOfItem = try toPrototypes.matmul(own.T)
    let rest = try (toPrototypes.matmul((1 - own).T)).clamp(min: 1e-30)
    let nearItem = try toItems / (toItems + rest)
    let nearPrototype = try prototypeOfItem / (prototypeOfItem + rest)
    let away = try (1 - (nearItem + nearPrototype) / 2).clamp(min: 1e-12).log()
    let repulsion = try (away * (1 - same)).sum()
    return try -(attraction + repulsion) / units.count
  }

  public func observe(_ step: Step) throws {
    if let seen, let old = prototypes {
      try noGrad {
        let (means, present) = try classMeans(seen, step.batch.targets, units: old.shape[0])
        let moved = try (old * options.momentum + means * (1 - options.momentum)).unitRows()
        prototypes = try Tensor.choose(present.unsqueeze(1), moved, old)
      }
    }
    seen = nil
    try rehearsal.insert(step)
  }

  public var answersBeyondModel: Bool { true }

  public func answer(_ question: Question, _ learner: Learner) throws -> Tensor? {
    guard let prototypes else { return nil }
    let near = try embed(question.features, learner.model).matmul(prototypes.T)
    return try near.maskedFill(Self.known(prototypes) .== 0, -Double.infinity)
  }

  private func embed(_ features: Tensor, _ network: Network) throws -> Tensor {
    guard options.embedding != nil else { return try features.unitRows() }
    return try network.attached(name, as: Linear.self)(features).unitRows()
  }

  /// Gives classes that the batch meets for the first time the mean of their embeddings.
  private func startPrototypes(_ step: Step) throws {
    guard let seen else { return }
    try noGrad {
      let (units, width) = (step.learner.classes.count, seen.shape[1])
      var old = try prototypes ?? Tensor.zeros([0, width], device: seen.device)
      if old.shape[0] < units {
        old = try Tensor.concatenate([
          old, Tensor.zeros([units - old.shape[0], width], device: seen.device),
        ])
      }
      let (means, _) = try classMeans(seen, step.batch.targets, units: units)
      prototypes = try Tensor.choose((Self.known(old) .== 0).unsqueeze(1), means, old)
    }
  }

  /// Means of length 1 `[K, E]`, and which units there are any items of, bool `[K]`.
  private func classMeans(_ rows: Tensor, _ units: Tensor, units count: Int) throws -> (Tensor, Tensor) {
    let sums = try Tensor.zeros([count, rows.shape[1]], device: rows.device).indexAdd(units, rows)
    let counts = try Tensor.zeros([count], device: rows.device)
      .indexAdd(units, Tensor.ones([units.count], device: rows.device))
    return (try sums.unitRows(), try counts .> 0)
  }

  private static func known(_ prototypes: Tensor) throws -> Tensor {
    try (prototypes.abs().sum([1]) .> 0).to(.float32)
  }

  public var replayBytes: Int { rehearsal.byteCount }

  public func state() throws -> State {
    var state = State()
    state.set(try rehearsal.state(), under: "memory")
    state.tensors["prototypes"] = try prototypes?.to(.cpu).clone()
    return state
  }

  public func restore(_ state: State, _ learner: Learner, past: (Int) throws -> Experience) throws {
    seen = nil
    prototypes = try state.tensors["prototypes"]?.to(learner.device)
    try rehearsal.restore(state.scoped("memory"), learner)
  }
}
