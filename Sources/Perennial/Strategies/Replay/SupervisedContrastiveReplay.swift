import Torch

/// Supervised contrastive replay (Mai et al. 2021): features that gather classes, and class means that answer.
///
///     L = mean over i of −1/|P(i)| Σ_{p ∈ P(i)} log (exp(z_i·z_p / τ) / Σ_{a ≠ i} exp(z_i·z_a / τ))
///
/// the supervised contrastive loss (Khosla et al. 2020) over fresh and remembered items; P(i) are the others of i's class,
/// z are features through a projection of two layers, of length 1. Where the data have random changes, every item takes
/// part in a second view, changed anew. In use the projection is left out and the nearest class mean of the remembered
/// examples answers, as in ``NearestMeanExemplars``. Published: τ = 0.07, projection to 128, reservoir, SGD 0.1.
public final class SupervisedContrastiveReplay: Strategy {
  public static let card = StrategyCard(
    "scr", .replay,
    summary: "Learns features by supervised contrast with remembered examples; class means answer.",
    formula:
      "L = mean_i −1/|P(i)| Σ_p log (exp(z_i·z_p/τ) / Σ_{a≠i} exp(z_i·z_a/τ)); nearest class mean answers",
    use: "Images seen once, with random changes that leave the class: large remembered batches help.",
    avoid: "Few remembered items a step: contrast needs many.",
    cost: "A step on fresh and remembered items, twice with random changes; the memory.",
    paper: "Mai et al., Supervised Contrastive Replay, 2021; loss of Khosla et al. 2020"
  ) { SupervisedContrastiveReplay($0) }

  /// What a recipe can choose.
  public struct Options: Configurable {
    /// Examples kept.
    public var memory = 1000
    /// Remembered items a step.
    public var batch = 100
    /// τ
    public var temperature = 0.07
    /// Width of the projection.
    public var projection = 128

    public init() {}

    public func validate(at node: ConfigurationNode) throws {
      try node.require("memory", memory, atLeast: 1)
      try node.require("batch", batch, atLeast: 1)
      try node.require("temperature", temperature, above: 0)
      try node.require("projection", projection, atLeast: 1)
    }
  }

  public let name = "scr"
  public let options: Options
  public var memory: ReplayMemory? { rehearsal.memory }
  private let rehearsal: Rehearsal
  private var means = MeansInUse()

  public init(_ options: Options = Options()) {
    self.options = options
    rehearsal = Rehearsal(memory: options.memory, purpose: "memory")
  }

  public func check(_ facts: StreamFacts) throws {
    guard facts.classes != nil else { throw StrategyError.needsClasses(name) }
  }

  public func extend(_ network: Network, _ random: RandomStreams) throws {
    let width = network.backbone.featureCount
    network.register(name, try Perceptron([width, width, options.projection], random.stream("scr")))
  }

  public func begin(_ experience: Experience, _ learner: Learner) throws {
    means.forget()
    try rehearsal.begin(learner)
  }

  public func rehearse(_ batch: Batch, _ learner: Learner) throws -> Batch {
    let views = learner.pipeline.augmentations.isEmpty ? 1 : 2
    var batch = batch
    if views > 1 {
      batch = try batch.appending(learner.batch(of: batch.source, batch.places, isAugmented: true))
    }
    guard let memory, memory.count > 0 else { return batch }
    let places = try memory.draw(options.batch)
    for _ in 0..<views { batch = try rehearsal.recall(places, learner).map(batch.appending) ?? batch }
    return batch
  }

  public var replacesLoss: Bool { true }

  public func loss(_ step: Step) throws -> Tensor? {
    let projection = try step.model.attached(name, as: Perceptron.self)
    return try Self.loss(
      projection(step.features), step.batch.targets, temperature: options.temperature)
  }

  /// The supervised contrastive loss of embeddings `[N, E]` of any length and units `[N]`: the mean over items that have
  /// another of their class, 0 without any.
  static func loss(_ embeddings: Tensor, _ units: Tensor, temperature: Double) throws -> Tensor {
    let z = try embeddings.unitRows()
    let itself = try Tensor.eye(units.count, dtype: .bool, device: z.device)
    let similarity = try (z.matmul(z.T) / temperature).maskedFill(itself, -1e9)
    let logp = try similarity.logSoftmax()
    let others =
      try (units.unsqueeze(1) .== units.unsqueeze(0)).to(.float32)
      * itself.logicalNot().to(.float32)
    let counts = try others.sum([1])
    let anchors = try (counts .> 0).to(.float32)
    let values = try (logp * others).sum([1]) / counts.clamp(min: 1)
    return try -(values * anchors).sum() / anchors.sum().clamp(min: 1)
  }

  public func observe(_ step: Step) throws {
    means.forget()
    try rehearsal.insert(step)
  }

  public func end(_ experience: Experience, _ learner: Learner) throws { means.forget() }

  public var answersBeyondModel: Bool { true }

  public func answer(_ question: Question, _ learner: Learner) throws -> Tensor? {
    try means.answer(question, memory, learner)
  }

  public var replayBytes: Int { rehearsal.byteCount }
  public func state() throws -> State { try rehearsal.state() }

  public func restore(_ state: State, _ learner: Learner, past: (Int) throws -> Experience) throws {
    means.forget()
    try rehearsal.restore(state, learner)
  }
}
