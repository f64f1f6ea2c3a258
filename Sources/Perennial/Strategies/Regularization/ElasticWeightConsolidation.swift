import Torch

/// Elastic weight consolidation (Kirkpatrick et al. 2017, eq. 3), and its online form (Schwarz et al. 2018).
///
///     L = CE + ½ λ Σ_t Σ_i F_{t,i} (θ_i − θ*_{t,i})²
///
/// F_t is the Fisher information after experience t as a mean over examples (see ``FisherInformation``); λ is quoted
/// for that normalisation. The gradient λ Σ_t F_t (θ − θ*_t) is added in closed form. Modes:
///
/// - `folded` keeps ΣF and ΣFθ*, from which the gradient of the sum over all experiences follows exactly: cost and
///   memory do not grow with the number of experiences.
/// - `separate` keeps every F_t and θ*_t. The same values; there to be compared with.
/// - `online` keeps one anchor, the latest solution, with F ← γF + F_t.
public final class ElasticWeightConsolidation: Strategy, Tunable {
  public static let card = StrategyCard(
    "ewc", .regularization,
    summary: "Holds each weight by its Fisher information, estimated exactly and per sample.",
    formula: "L = CE + ½ λ Σ_t Σ_i F_t,i (θ_i − θ*_t,i)²,   F = E_x E_y~p(·|x) (∂ log p(y|x) / ∂θ)²",
    use: "Tasks are told, or the labels stay and the inputs change; no data may be kept.",
    avoid: "New classes compete with old ones: no weight penalty tells them apart.",
    cost:
      "One pass over memory a step; two vectors however many experiences; one Fisher estimate an experience.",
    paper:
      "Kirkpatrick et al., Overcoming catastrophic forgetting in neural networks, 2017; online form Schwarz et al. 2018"
  ) { ElasticWeightConsolidation($0) }

  /// What is kept of earlier experiences.
  public enum Mode: String, CaseIterable, Codable, Sendable { case folded, separate, online }

  /// What a recipe can choose.
  public struct Options: Configurable {
    /// The weight of the penalty; the paper tunes it a problem, so there is no universal default.
    public var lambda = 1000.0
    public var mode = Mode.folded
    /// How much of the earlier information stays in online mode, γ.
    public var decay = 1.0
    public var fisher = FisherInformation.Kind.exact
    /// Examples that the information is estimated on; all when nil.
    public var samples: Int?

    public init() {}

    public func validate(at node: ConfigurationNode) throws {
      try node.require("lambda", lambda, atLeast: 0)
      try node.require("decay", decay, in: 0...1)
      try node.require("samples", samples, atLeast: 1)
    }
  }

  public let name = "ewc"
  public var seesBatch: Bool { false }
  public private(set) var options: Options
  public var strength: Double {
    get { options.lambda }
    set { options.lambda = newValue }
  }
  /// Every F_t around θ*_t; one anchor in folded and online mode.
  private var anchors: [QuadraticAnchor] = []

  public init(_ options: Options = Options()) { self.options = options }

  public convenience init(lambda: Double) {
    var options = Options()
    options.lambda = lambda
    self.init(options)
  }

  public func check(_ facts: StreamFacts) throws { try options.fisher.check(facts, for: name) }

  public func transform(_ vector: ParameterVector, _ step: Step) throws {
    guard options.lambda > 0 else { return }
    for index in anchors.indices { try anchors[index].addGradient(to: vector, scale: options.lambda) }
  }

  public func end(_ experience: Experience, _ learner: Learner) throws {
    guard let session = learner.session else { return }
    let vector = learner.vector
    let fisher = try FisherInformation.diagonal(
      of: learner, session.examples, task: session.task, kind: options.fisher, limit: options.samples)
    switch anchors.isEmpty ? .separate : options.mode {
    case .folded: try anchors[0].add(fisher, at: vector)
    case .separate: anchors.append(try QuadraticAnchor(fisher, at: vector))
    case .online:
      let before = try anchors[0].importance(in: vector.layout)
      anchors = [try QuadraticAnchor(noGrad { try before * options.decay + fisher }, at: vector)]
    }
  }

  /// ½ Σ_t Σ_i F (θ − θ*)² without its constant part Σ Fθ*²: what the closed-form gradient descends, before λ.
  public func energy(_ vector: ParameterVector) throws -> Double {
    try anchors.indices.reduce(0) { try $0 + anchors[$1].energy(vector) }
  }

  public func state() throws -> State {
    var state = State()
    state["anchors"] = anchors.count
    for (index, anchor) in anchors.enumerated() { state.set(try anchor.state(), under: "anchor/\(index)") }
    return state
  }

  public func restore(_ state: State, _ learner: Learner, past: (Int) throws -> Experience) throws {
    let count: Int = try state.require("anchors")
    anchors = try (0..<count).map { index in
      guard let anchor = try QuadraticAnchor(state.scoped("anchor/\(index)"), device: learner.device) else {
        throw StateError.missing("anchor/\(index)")
      }
      return anchor
    }
  }
}
