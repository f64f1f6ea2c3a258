import Torch

/// Orthogonal low-rank adaptation, O-LoRA (Wang et al. 2023): each experience learns adapters of its own, in directions
/// that earlier ones do not use, and all are heard together.
///
///     y = W x + b + s Σ_t B_t A_t x,   B_t and A_t of the newest t alone learn
///     L = L_new + λ₁ Σ_{t < new} ‖A_t A_newᵀ‖₁ + λ₂ Σ ‖A_new‖₂ + ‖B_new‖₂
///
/// with ‖·‖₁ the sum of all entries' sizes, as in the authors' code. With λ₁ = λ₂ = 0 this is incremental LoRA.
public final class OrthogonalAdaptation: Strategy {
  public static let card = StrategyCard(
    "o-lora", .adapters,
    summary: "New adapters with each experience, in directions that earlier ones do not use.",
    formula: "L + λ₁ Σ_t ‖A_t A_newᵀ‖₁ + λ₂ (‖A_new‖₂ + ‖B_new‖₂),  y = W x + b + s Σ_t B_t A_t x",
    use: "A big pretrained model, few experiences, no data kept, no task told.",
    avoid: "Many experiences: each has less room than the last.",
    cost: "Adapters of each experience; the rank of what is heard grows.",
    paper: "Wang et al., Orthogonal Subspace Learning for Language Model Continual Learning, 2023"
  ) { OrthogonalAdaptation($0) }

  /// What a recipe can choose.
  public struct Options: LowRankOptions {
    public var rank = 8
    public var alpha = 16.0
    public var dropout = 0.0
    public var targets: [String] = []
    public var variant = LowRankVariant.lora
    /// λ₁
    public var orthogonality = 0.5
    /// λ₂
    public var shrinkage = 0.0

    public init() {}

    public func validate(at node: ConfigurationNode) throws {
      try validateAdapters(at: node)
      try node.require("orthogonality", orthogonality, atLeast: 0)
      try node.require("shrinkage", shrinkage, atLeast: 0)
      guard variant != .dora else {
        throw node.error(at: "variant", "must be `lora` or `rslora`: those with lengths cannot be added up")
      }
    }
  }

  public let name = "o-lora"
  public var seesBatch: Bool { false }
  public let options: Options
  private var begun = 0

  public init(_ options: Options = Options()) { self.options = options }

  public func extend(_ network: Network, _ random: RandomStreams) throws {
    let shelf = AdapterShelf(
      options.configuration, beside: try network.layers(for: options, name),
      dropoutMasks: try random.stream("dropout"))
    network.register(name, shelf)
    network.restBackbone()
  }

  public func begin(_ experience: Experience, _ learner: Learner) throws {
    begun += 1
    if try shelf(learner).grow(to: begun, learner.random.stream("adapters")) {
      try learner.parametersChanged()
    }
  }

  public func terms(_ step: Step) throws -> [LossTerm] {
    let sets = try shelf(step.learner).sets
    guard let new = sets.last else { return [] }
    var terms: [LossTerm] = []
    if options.orthogonality > 0, sets.count > 1 {
      let overlap = try Self.overlap(new, with: sets.dropLast())
      terms.append(LossTerm("\(name)/orthogonality", try overlap * options.orthogonality))
    }
    if options.shrinkage > 0 {
      let lengths = try new.trainableParameters.map { try $0.parameter.value.flatten().norm() }
      terms.append(LossTerm("\(name)/shrinkage", try Tensor.stack(lengths).sum() * options.shrinkage))
    }
    return terms
  }

  /// Σ over layers and earlier sets of the sizes of A_t A_newᵀ.
  static func overlap(_ new: AdapterSet, with earlier: some Collection<AdapterSet>) throws -> Tensor {
    let parts = try new.places.enumerated().map { index, place in
      let past = try noGrad {
        try Tensor.concatenate(earlier.map { try $0.places[index].adapter.down.weight.value.detach() })
      }
      return try past.matmul(place.adapter.down.weight.value.T).abs().sum()
    }
    return try Tensor.stack(parts).sum()
  }

  private func shelf(_ learner: Learner) throws -> AdapterShelf { try learner.model.attached(name) }

  public func state() throws -> State {
    var state = State()
    state["begun"] = begun
    return state
  }

  public func restore(_ state: State, _ learner: Learner, past: (Int) throws -> Experience) throws {
    begun = try state.require("begun")
  }
}
