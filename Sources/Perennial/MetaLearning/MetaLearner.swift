import Torch

/// Learns weights from which a few gradient steps on a few examples go far.
///
/// MAML (Finn et al. 2017), with support set S and queries Q of each episode:
///
///     φ = θ − α ∇L_S(θ), n times;   θ ← θ − β · optimizer( mean over episodes of ∇_θ L_Q(φ(θ)) )
///
/// `second` order derives φ by θ through the inner steps; `first` order takes ∇_φ L_Q(φ) in its place. Reptile (Nichol
/// et al. 2018) needs no queries: its gradient is θ − φ, after steps on all examples of the episode.
///
/// Batch normalisation uses the statistics of each batch, in use too, as in the papers' transductive protocol.
public final class MetaLearner {
  public enum Algorithm: String, Codable, CaseIterable, Sendable {
    case maml
    case firstOrderMAML = "first-order-maml"
    case reptile
  }

  /// How episodes are learned.
  public struct Options: Configurable {
    public var algorithm = Algorithm.maml
    /// Gradient steps on an episode in training, n, and in use.
    public var steps = 1
    public var testSteps = 3
    /// α
    public var innerRate = 0.4

    public init() {}

    public func validate(at node: ConfigurationNode) throws {
      try node.require("steps", steps, atLeast: 1)
      try node.require("test_steps", testSteps, atLeast: 0)
      try node.require("inner_rate", innerRate, above: 0)
    }
  }

  /// The network that learns to learn, its parameters, and what moves them.
  public let model: Network
  public let vector: ParameterVector
  public let optimizer: any Optimizer
  public let options: Options
  private let objective: any Objective

  /// - Parameter model: with a head of as many outputs as episodes have ways.
  public init(
    _ model: Network, optimizer: any Optimizer, options: Options = Options(),
    objective: any Objective = Classification()
  ) throws {
    self.model = model
    self.optimizer = optimizer
    self.options = options
    self.objective = objective
    vector = try ParameterVector(model.trainableParameters)
    model.train()
  }

  /// One meta-step on a batch of episodes; gives the mean loss on their queries after adaptation.
  @discardableResult
  public func step(_ episodes: [Episode]) throws -> Double {
    let share = 1 / Double(max(episodes.count, 1))
    let mean = try noGrad { try vector.gradients.zerosLike() }
    var loss = 0.0
    for episode in episodes {
      let (gradient, value) = try metaGradient(episode)
      try noGrad { try mean.add(gradient, scale: share) }
      loss += value * share
    }
    try noGrad { try vector.gradients.copy(from: mean) }
    try optimizer.step(vector)
    return loss
  }

  /// The direction `[P]` that one episode gives the weights, and the loss on its queries after adaptation.
  public func metaGradient(_ episode: Episode) throws -> (gradient: Tensor, loss: Double) {
    let start = try vector.snapshot()
    switch options.algorithm {
    case .maml:
      try start.setRequiresGrad(true)
      let adapted = try adapt(
        start, episode.support, episode.supportTargets, steps: options.steps, isDerivable: true)
      let loss = try loss(adapted, episode.queries, episode.queryTargets)
      return try (gradients(of: loss, withRespectTo: [start], allowUnused: true)[0], loss.item())
    case .firstOrderMAML:
      let adapted = try adapt(start, episode.support, episode.supportTargets, steps: options.steps)
      try adapted.setRequiresGrad(true)
      let loss = try loss(adapted, episode.queries, episode.queryTargets)
      return try (gradients(of: loss, withRespectTo: [adapted], allowUnused: true)[0], loss.item())
    case .reptile:
      let inputs = try Tensor.concatenate([episode.support, episode.queries])
      let targets = try Tensor.concatenate([episode.supportTargets, episode.queryTargets])
      let adapted = try adapt(start, inputs, targets, steps: options.steps)
      return try noGrad {
        try (start - adapted, loss(adapted, episode.queries, episode.queryTargets).item())
      }
    }
  }

  /// Weights `[P]` after gradient steps on examples, from `weights` on.
  ///
  /// - Parameter isDerivable: whether the result can be derived by `weights`.
  public func adapt(
    _ weights: Tensor, _ inputs: Tensor, _ targets: Tensor, steps: Int, isDerivable: Bool = false
  ) throws -> Tensor {
    var weights = weights
    for _ in 0..<steps {
      if !isDerivable {
        weights = try weights.detach()
        try weights.setRequiresGrad(true)
      }
      let slope = try withGrad {
        try gradients(
          of: loss(weights, inputs, targets), withRespectTo: [weights], createGraph: isDerivable,
          allowUnused: true)[0]
      }
      let next = { try weights - slope * self.options.innerRate }
      weights = isDerivable ? try next() : try noGrad(next)
    }
    return isDerivable ? weights : try weights.detach()
  }

  /// The score on an episode's queries after learning its support set; the weights stay as they are.
  public func score(_ episode: Episode) throws -> Double {
    let adapted = try adapt(
      vector.snapshot(), episode.support, episode.supportTargets, steps: options.testSteps)
    return try noGrad {
      try vector.bound(to: adapted) { try objective.score(model(episode.queries), episode.queryTargets) }
    }
  }

  private func loss(_ weights: Tensor, _ inputs: Tensor, _ targets: Tensor) throws -> Tensor {
    try vector.bound(to: weights) { try objective.meanLoss(model(inputs), targets) }
  }
}
