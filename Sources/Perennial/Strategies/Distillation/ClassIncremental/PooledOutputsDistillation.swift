import Torch

/// Pooled outputs distillation (Douillard et al. 2020, PODNet).
///
///     L = NCA + √(seen / new) (λ_c mean over stages of POD-spatial + λ_f mean (1 − cos(h, h_old)))
///     NCA = max(0, −log [exp(η (ŷ_y − δ)) / Σ_{i≠y} exp(η ŷ_i)])
///
/// over a head of several vectors a class. POD-spatial compares what is left of the squared maps of each stage when they are
/// summed over their width, and over their height; a stage without a map is passed over, as the features h have a term of
/// their own. At the end the head alone learns on, from as many examples of every class. Published for CIFAR-100: λ_c = 3,
/// λ_f = 1, δ = 0.6, 10 vectors a class, 20 exemplars a class, 20 epochs of fine-tuning. The authors' program starts
/// vectors of new classes at centres of their features; here they start at random.
public final class PooledOutputsDistillation: ExemplarDistillation {
  public static let card = StrategyCard(
    "podnet", .distillation,
    summary: "Holds pooled maps of every stage and the features, with several vectors a class.",
    formula: "L = NCA + √(seen/new) (λ_c Σ ‖p(h_l) − p(h_l,old)‖ / stages + λ_f (1 − cos(h, h_old)))",
    use: "Many small experiences of pictures; needs `head: local-similarity`.",
    avoid: "Data must not be stored; models without maps lose half of it.",
    cost: "One more forward pass a step; a copy of the model; the exemplars in every epoch.",
    paper: "Douillard et al., PODNet: Pooled Outputs Distillation for Small-Tasks Incremental Learning, 2020"
  ) { PooledOutputsDistillation($0) }

  /// What a recipe can choose.
  public struct Options: ExemplarOptions {
    public var memory = 2000
    public var perClass: Int?
    public var selection = ExemplarSelection.herding
    /// λ_c
    public var spatial = 3.0
    /// λ_f
    public var flat = 1.0
    /// δ
    public var margin = 0.6
    /// The taps whose maps are compared; those behind the model's stages when nil.
    public var taps: [String]?
    public var fineTuning: BalancedFineTuning = {
      var stage = BalancedFineTuning()
      (stage.epochs, stage.lr, stage.drops, stage.weightDecay, stage.part) = (20, 0.05, 0, 5e-4, .head)
      return stage
    }()

    public init() {}

    public func validate(at node: ConfigurationNode) throws {
      try validateExemplars(at: node)
      try node.require("spatial", spatial, atLeast: 0)
      try node.require("flat", flat, atLeast: 0)
      try node.require("margin", margin, atLeast: 0)
    }
  }

  public let name = "podnet"
  public let options: Options
  public let exemplars: ExemplarMemory
  public let teacher = PastSelf()
  public private(set) var taps: [String] = []

  public init(_ options: Options = Options()) {
    self.options = options
    exemplars = ExemplarMemory(options)
  }

  public func extend(_ network: Network, _ random: RandomStreams) throws {
    guard network.head is LocalSimilarityHead else {
      throw StrategyError.model(name, "has several vectors a class: write `head: local-similarity`")
    }
    let known = network.backbone.taps.map(\.name)
    if let missing = options.taps?.first(where: { !known.contains($0) }) {
      throw TapError.unknown(missing, known: known)
    }
    taps = options.spatial > 0 ? options.taps ?? network.backbone.stages.map(\.name) : []
  }

  public var replacesLoss: Bool { true }

  public func loss(_ step: Step) throws -> Tensor? {
    try classification(step.batch, step.look, step.model.head)
  }

  private func classification(_ batch: Batch, _ look: Look, _ head: any Head) throws -> Tensor? {
    guard let head = head as? LocalSimilarityHead, head.outputs > 1 else { return nil }
    return try batch.mean(
      NeighbourhoodLoss.values(
        look.outputs, units: batch.targets, margin: head.scale.value * options.margin))
  }

  public func terms(_ step: Step) throws -> [LossTerm] {
    guard options.spatial + options.flat > 0,
      let past = try teacher.look(step.batch.inputs, taps: taps)
    else { return [] }
    let seen = step.model.head.outputs
    let factor = (Double(seen) / Double(max(seen - teacher.known, 1))).squareRoot()
    var terms: [LossTerm] = []
    let stages = try taps.compactMap { tap -> Tensor? in
      let (now, before) = (try step.look.value(tap), try past.value(tap))
      guard now.rank == 4 else { return nil }
      return try step.batch.mean(PooledMaps.values(student: now, teacher: before))
    }
    if !stages.isEmpty {
      let mean = try Tensor.stack(stages).mean()
      terms.append(LossTerm("podnet/spatial", try mean * (options.spatial * factor)))
    }
    if options.flat > 0 {
      let turned = try FeatureDirection.values(student: step.features, teacher: past.features)
      terms.append(LossTerm("podnet/flat", try step.batch.mean(turned) * (options.flat * factor)))
    }
    return terms
  }

  public func end(_ experience: Experience, _ learner: Learner) throws {
    try exemplars.admit(experience, learner)
    if teacher.known > 0, let balanced = try exemplars.examples {
      try options.fineTuning(balanced, learner) { batch, look in
        try classification(batch, look, learner.model.head) ?? learner.loss(look.outputs, batch)
      }
    }
    try teacher.end(learner)
  }
}
