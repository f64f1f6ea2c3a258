import Torch

/// An exponential moving average of the parameters that answers in use, while the model itself goes on learning.
///
///     θ̄ ← d θ̄ + (1 − d) θ          after every step, d = min(decay, (1 + t) / (10 + t))
///
/// The growing d lets short runs leave their random start behind. Training is untouched. Running statistics of batch
/// normalisation are those of the model.
public final class MovingAverage: Strategy {
  public static let card = StrategyCard(
    "ema", .regularization,
    summary: "Answers with the moving average of the weights.",
    formula: "θ̄ ← d θ̄ + (1 − d) θ",
    use: "Beside anything: a smoother model at the price of a vector.",
    avoid: "As the only protection: an average over the last steps forgets what those forget.",
    cost: "Two passes over memory a step; one vector; answers run the model twice.",
    paper: "Polyak & Juditsky, Acceleration of Stochastic Approximation by Averaging, 1992"
  ) { MovingAverage($0) }

  /// What a recipe can choose.
  public struct Options: Configurable {
    /// The largest d.
    public var decay = 0.999

    public init() {}

    public func validate(at node: ConfigurationNode) throws { try node.require("decay", decay, in: 0..<1) }
  }

  public let name = "ema"
  public var seesBatch: Bool { false }
  public let options: Options
  private var average: CarriedVector?

  public init(_ options: Options = Options()) { self.options = options }

  public func begin(_ experience: Experience, _ learner: Learner) throws {
    let vector = learner.vector
    if try average?.tensor(in: vector.layout, elsewhere: vector.values) == nil {
      average = CarriedVector(try vector.snapshot(), vector.layout)
    }
  }

  public func observe(_ step: Step) throws {
    let vector = step.learner.vector
    let t = Double(step.learner.totalSteps)
    let decay = min(options.decay, (1 + t) / (10 + t))
    try noGrad {
      try average?.tensor(in: vector.layout, elsewhere: vector.values)
        .interpolate(to: vector.values, weight: 1 - decay)
    }
  }

  public var answersBeyondModel: Bool { true }

  public func answer(_ question: Question, _ learner: Learner) throws -> Tensor? {
    guard
      let average = try average?.tensor(in: learner.vector.layout, elsewhere: learner.vector.values)
    else { return nil }
    return try learner.vector.trying(average) { try learner.model(question.inputs) }
  }

  public func state() throws -> State { try average?.state() ?? State() }

  public func restore(_ state: State, _ learner: Learner, past: (Int) throws -> Experience) throws {
    average = try CarriedVector(state, device: learner.device)
  }
}

/// Interpolates between the solution before an experience and the one after it (WiSE-FT, Wortsman et al. 2022; over a
/// stream, Stojanovski et al. 2022).
///
///     θ ← (1 − α) θ_before + α θ          at the end of every experience but the first
///
/// Parameters that are new to the experience, such as rows of new classes, keep their values. Put it before strategies
/// that estimate at the end of an experience, so that they see the solution that stays.
public final class WeightInterpolation: Strategy {
  public static let card = StrategyCard(
    "wise", .regularization,
    summary: "Stops half-way between the past and the present solution.",
    formula: "θ ← (1 − α) θ_before + α θ at the end of an experience",
    use: "Fine-tuning a strong model on little that is new; beside anything.",
    avoid: "Solutions far apart, as when training from scratch: between them may be none.",
    cost: "Nothing a step; one vector.",
    paper: "Wortsman et al., Robust fine-tuning of zero-shot models, 2022"
  ) { WeightInterpolation($0) }

  /// What a recipe can choose.
  public struct Options: Configurable {
    /// The share α of the present solution.
    public var alpha = 0.5

    public init() {}

    public func validate(at node: ConfigurationNode) throws { try node.require("alpha", alpha, in: 0...1) }
  }

  public let name = "wise"
  public var seesBatch: Bool { false }
  public let options: Options
  private var before: CarriedVector?

  public init(_ options: Options = Options()) { self.options = options }

  public func end(_ experience: Experience, _ learner: Learner) throws {
    let vector = learner.vector
    if options.alpha < 1, let before = try before?.tensor(in: vector.layout, elsewhere: vector.values) {
      try noGrad { try vector.values.copy(from: before.lerp(vector.values, weight: options.alpha)) }
    }
    before = CarriedVector(try vector.snapshot(), vector.layout)
  }

  public func state() throws -> State { try before?.state() ?? State() }

  public func restore(_ state: State, _ learner: Learner, past: (Int) throws -> Experience) throws {
    before = try CarriedVector(state, device: learner.device)
  }
}
