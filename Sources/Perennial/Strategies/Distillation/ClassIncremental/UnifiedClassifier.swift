import Torch

/// Learning a unified classifier incrementally via rebalancing (Hou et al. 2019, LUCIR).
///
///     L = CE + λ mean (1 − cos(f, f_old)) + w mean over old items of Σ_k max(0, m − cos(f, θ_y) + cos(f, θ_k))
///
/// over a head of cosines; λ = λ_base √(|old| / |new|), and k are the K new classes nearest to an item. Vectors of old classes
/// keep their values. Those of new classes start at the mean direction of their examples, as long as the old ones are on
/// average. Published: λ_base = 5 on CIFAR-100 and 10 on ImageNet, m = 0.5, K = 2, w = 1; 20 exemplars a class. The paper takes
/// the last ReLU of the backbone away.
public final class UnifiedClassifier: ExemplarDistillation {
  public static let card = StrategyCard(
    "lucir", .distillation,
    summary:
      "Cosine outputs, features that keep their direction, a margin to new classes.",
    formula: "L = CE + λ√(old/new) (1 − cos(f, f_old)) + w Σ_k max(0, m − cos(f, θ_y) + cos(f, θ_k))",
    use: "A rich first experience, then few new classes at a time; needs `head: cosine`.",
    avoid: "A first experience as small as the others: its features are held too early.",
    cost: "One more forward pass a step; a copy of the model; the exemplars in every epoch.",
    paper: "Hou et al., Learning a Unified Classifier Incrementally via Rebalancing, 2019"
  ) { UnifiedClassifier($0) }

  /// What a recipe can choose.
  public struct Options: ExemplarOptions {
    public var memory = 2000
    public var perClass: Int?
    public var selection = ExemplarSelection.herding
    /// λ_base
    public var lambda = 5.0
    /// w
    public var ranking = 1.0
    /// m
    public var margin = 0.5
    /// K
    public var hardest = 2
    /// Whether vectors of new classes start at the mean direction of their examples.
    public var imprint = true
    /// Whether vectors of old classes keep their values.
    public var freezeOld = true

    public init() {}

    public func validate(at node: ConfigurationNode) throws {
      try validateExemplars(at: node)
      try node.require("lambda", lambda, atLeast: 0)
      try node.require("ranking", ranking, atLeast: 0)
      try node.require("margin", margin, atLeast: 0)
      try node.require("hardest", hardest, atLeast: 1)
    }
  }

  public let name = "lucir"
  public let options: Options
  public let exemplars: ExemplarMemory
  public let teacher = PastSelf()
  private var held = HeldWeights()

  public init(_ options: Options = Options()) {
    self.options = options
    exemplars = ExemplarMemory(options)
  }

  public func extend(_ network: Network, _ random: RandomStreams) throws {
    guard network.head is CosineHead else {
      throw StrategyError.model(
        name, "compares directions of features and of class vectors: write `head: cosine`")
    }
  }

  public func begin(_ experience: Experience, _ learner: Learner) throws {
    try teacher.begin(experience, learner)
    held = HeldWeights()
    guard teacher.known > 0, let head = learner.model.head as? CosineHead else { return }
    if options.imprint { try imprint(head, learner) }
    if options.freezeOld {
      let old = teacher.known
      let mask = try learner.vector.map { slot, parameter in
        guard parameter === head.weight else { return try Tensor([false], shape: []) }
        return try (Tensor.arange(0, slot.shape[0], device: learner.device) .< old).unsqueeze(1)
      }
      try held.hold(mask, of: learner.vector)
    }
  }

  private func imprint(_ head: CosineHead, _ learner: Learner) throws {
    guard let session = learner.session, head.outputs > teacher.known else { return }
    let fresh = try session.examples.targets.integers().enumerated()
      .filter { $0.element >= teacher.known }.map(\.offset)
    try learner.asking(task: nil) {
      let features = try stride(from: 0, to: fresh.count, by: 256).map { start in
        let places = try Tensor(Array(fresh[start..<min(start + 256, fresh.count)]))
        return try learner.model.features(
          learner.batch(of: session.examples, places, isAugmented: false).inputs)
      }
      let units = try session.examples.targets.indexSelect(Tensor(fresh)).to(learner.device)
      let directions = try ExemplarMeans(
        Tensor.concatenate(features), units: units, outputs: head.outputs
      ).means
      let new = head.outputs - teacher.known
      let length = try head.weight.value.narrow(dim: 0, start: 0, count: teacher.known).norm([1]).mean()
      try head.weight.value.narrow(dim: 0, start: teacher.known, count: new)
        .copy(from: directions.narrow(dim: 0, start: teacher.known, count: new) * length)
    }
  }

  public func terms(_ step: Step) throws -> [LossTerm] {
    guard let head = step.model.head as? CosineHead, let past = try teacher.look(step.batch.inputs) else {
      return []
    }
    let new = head.outputs - teacher.known
    var terms: [LossTerm] = []
    if options.lambda > 0 {
      let lambda = options.lambda * (Double(teacher.known) / Double(max(new, 1))).squareRoot()
      let turned = try FeatureDirection.values(student: step.features, teacher: past.features)
      terms.append(LossTerm("lucir/direction", try step.batch.mean(turned) * lambda))
    }
    if options.ranking > 0, new > 0 {
      let ranking = try MarginRanking.values(
        head.cosines(step.features), units: step.batch.targets, known: teacher.known,
        hardest: options.hardest, margin: options.margin)
      let isOld = try step.batch.targets .< teacher.known
      let value = try DistillationReducer()(
        ranking, temperature: 1, mask: isOld, weights: step.batch.weights)
      terms.append(LossTerm("lucir/ranking", try value * options.ranking))
    }
    return terms
  }

  public func transform(_ vector: ParameterVector, _ step: Step) throws { try held.zeroGradients(of: vector) }

  public func observe(_ step: Step) throws { try held.putBack(into: step.learner.vector) }

  public func state() throws -> State {
    var state = try sharedState()
    state.set(try held.state(), under: "held")
    return state
  }

  public func restore(_ state: State, _ learner: Learner, past: (Int) throws -> Experience) throws {
    held = try HeldWeights(state.scoped("held"), device: learner.device)
    try restoreShared(state, learner)
  }
}
