/// Adam (Kingma & Ba 2015), step for step `torch.optim.Adam`; with `decoupled` weight decay `AdamW`
/// (Loshchilov & Hutter 2019).
public final class Adam: Optimizer {
  public var learningRate: Double
  public let beta1: Double
  public let beta2: Double
  public let epsilon: Double
  public let weightDecay: Double
  public let decoupled: Bool
  private var mean: Tensor?
  private var square: Tensor?
  private var steps: Tensor?

  /// - Throws: `TorchError` for values outside their ranges.
  public init(
    learningRate: Double = 1e-3, beta1: Double = 0.9, beta2: Double = 0.999, epsilon: Double = 1e-8,
    weightDecay: Double = 0, decoupled: Bool = false
  ) throws {
    guard learningRate >= 0, weightDecay >= 0, epsilon >= 0, 0..<1 ~= beta1, 0..<1 ~= beta2 else {
      throw TorchError(
        .other, "Adam needs a learning rate, weight decay and epsilon of at least 0 and betas in [0, 1)")
    }
    self.learningRate = learningRate
    self.beta1 = beta1
    self.beta2 = beta2
    self.epsilon = epsilon
    self.weightDecay = weightDecay
    self.decoupled = decoupled
  }

  /// One step; the first one makes the moments.
  public func step(_ vector: ParameterVector) throws {
    try noGrad {
      let mean = try self.mean ?? vector.values.zerosLike()
      let square = try self.square ?? vector.values.zerosLike()
      let steps = try self.steps ?? Tensor.zeros([], device: vector.values.device)
      (self.mean, self.square, self.steps) = (mean, square, steps)
      try steps.add(1)
      try vector.values.adamStep(
        gradient: vector.gradients, mean: mean, square: square, step: steps, learningRate: learningRate,
        beta1: beta1, beta2: beta2, weightDecay: weightDecay, epsilon: epsilon, decoupled: decoupled)
    }
  }

  /// Moments of new places start at zero; the step count goes on.
  public func carry(from old: VectorLayout, to new: VectorLayout) throws {
    mean = try mean.map { try new.carry($0, from: old) }
    square = try square.map { try new.carry($0, from: old) }
  }

  /// Forgets both moments and the step count.
  public func reset() { (mean, square, steps) = (nil, nil, nil) }

  /// `mean` and `square` `[P]`, and `step` `[]`.
  public func state() throws -> [String: Tensor] {
    guard let mean, let square, let steps else { return [:] }
    return ["mean": try mean.clone(), "square": try square.clone(), "step": try steps.clone()]
  }

  /// Goes back to a state that `state()` gave.
  public func restore(_ state: [String: Tensor]) throws {
    mean = try state["mean"]?.clone()
    square = try state["square"]?.clone()
    steps = try state["step"]?.clone()
  }
}
