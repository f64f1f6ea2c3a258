import Torch

/// Memory aware synapses (Aljundi et al. 2018): importance is how much a parameter moves what the model answers.
///
///     Ω = mean_x |∂ ‖f(x)‖² / ∂θ|          example by example, over the outputs of the task where tasks are told
///     L = CE + λ Σ_i Ω_i (θ_i − θ*_i)²
///
/// Labels are not asked for. Magnitudes are taken example by example: in the gradient of a batch's mean, which other
/// libraries take, examples of opposite sign cancel. Importances of experiences are summed, as in the paper, or
/// averaged with α for the old ones, as in FACIL and Avalanche. λ = 1 is the paper's.
public final class MemoryAwareSynapses: Strategy, Tunable {
  public static let card = StrategyCard(
    "mas", .regularization,
    summary: "Holds each weight by how much it moves what the model answers.",
    formula: "L = CE + λ Σ_i Ω_i (θ_i − θ*_i)²,   Ω = E_x |∂ ‖f(x)‖² / ∂θ|",
    use: "As EWC, where labels are few: importances need inputs alone.",
    avoid: "New classes compete with old ones: no weight penalty tells them apart.",
    cost: "One pass over memory a step; two vectors however many experiences; one estimate an experience.",
    paper: "Aljundi et al., Memory Aware Synapses: Learning what (not) to forget, 2018"
  ) { MemoryAwareSynapses($0) }

  /// How importances of experiences come together.
  public enum Merge: String, CaseIterable, Codable, Sendable { case sum, average }

  /// What a recipe can choose.
  public struct Options: Configurable {
    public var lambda = 1.0
    public var merge = Merge.sum
    /// The share α of earlier importances in their average.
    public var alpha = 0.5
    /// Examples that importances are estimated on; all when nil.
    public var samples: Int?

    public init() {}

    public func validate(at node: ConfigurationNode) throws {
      try node.require("lambda", lambda, atLeast: 0)
      try node.require("alpha", alpha, in: 0...1)
      try node.require("samples", samples, atLeast: 1)
    }
  }

  public let name = "mas"
  public var seesBatch: Bool { false }
  public private(set) var options: Options
  public var strength: Double {
    get { options.lambda }
    set { options.lambda = newValue }
  }
  private var anchor: QuadraticAnchor?

  public init(_ options: Options = Options()) { self.options = options }

  public func transform(_ vector: ParameterVector, _ step: Step) throws {
    guard options.lambda > 0 else { return }
    try anchor?.addGradient(to: vector, scale: 2 * options.lambda)
  }

  public func end(_ experience: Experience, _ learner: Learner) throws {
    guard let session = learner.session else { return }
    var importance = try Self.importance(
      of: learner, session.examples, task: session.task, limit: options.samples)
    if let before = try anchor?.importance(in: learner.vector.layout) {
      importance = try noGrad {
        try options.merge == .sum
          ? before + importance : before * options.alpha + importance * (1 - options.alpha)
      }
    }
    anchor = try QuadraticAnchor(importance, at: learner.vector)
  }

  /// mean_x |∂ ‖f(x)‖² / ∂θ|, a flat vector `[P]`.
  static func importance(of learner: Learner, _ examples: Examples, task: Int?, limit: Int? = nil) throws
    -> Tensor
  {
    let random = try learner.random.stream("mas")
    return try PerSampleGradients.mean(.absolute, of: learner, examples, task: task, limit: limit, random) {
      outputs, batch in
      try noGrad {
        let answers = try learner.mask(outputs.detach(), batch)
        return [try Tensor.choose(answers .> -Double.infinity, answers * 2, answers.zerosLike())]
      }
    }
  }

  public func state() throws -> State { try anchor?.state() ?? State() }

  public func restore(_ state: State, _ learner: Learner, past: (Int) throws -> Experience) throws {
    anchor = try QuadraticAnchor(state, device: learner.device)
  }
}
