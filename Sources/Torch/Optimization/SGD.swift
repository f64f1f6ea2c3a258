/// Stochastic gradient descent, step for step `torch.optim.SGD`: momentum, dampening, Nesterov, coupled
/// weight decay.
public final class SGD: Optimizer {
  public var learningRate: Double
  public let momentum: Double
  public let dampening: Double
  public let nesterov: Bool
  public let weightDecay: Double
  private var buffer: Tensor?

  /// - Throws: `TorchError` for negative values and for Nesterov without momentum or with dampening.
  public init(
    learningRate: Double, momentum: Double = 0, dampening: Double = 0, nesterov: Bool = false,
    weightDecay: Double = 0
  ) throws {
    guard learningRate >= 0, momentum >= 0, weightDecay >= 0 else {
      throw TorchError(.other, "SGD needs a learning rate, momentum and weight decay of at least 0")
    }
    guard !nesterov || (momentum > 0 && dampening == 0) else {
      throw TorchError(.other, "Nesterov momentum needs a momentum above 0 and no dampening")
    }
    self.learningRate = learningRate
    self.momentum = momentum
    self.dampening = dampening
    self.nesterov = nesterov
    self.weightDecay = weightDecay
  }

  /// One step; the first one makes the momentum.
  public func step(_ vector: ParameterVector) throws {
    let first = buffer == nil
    if first, momentum > 0 { buffer = try vector.values.zerosLike() }
    try noGrad {
      try vector.values.sgdStep(
        gradient: vector.gradients, momentum: momentum > 0 ? buffer : nil, weightDecay: weightDecay,
        momentumFactor: momentum, learningRate: learningRate, dampening: dampening, nesterov: nesterov,
        first: first)
    }
  }

  /// The momentum of new places starts at zero.
  public func carry(from old: VectorLayout, to new: VectorLayout) throws {
    buffer = try buffer.map { try new.carry($0, from: old) }
  }

  /// Forgets the momentum.
  public func reset() { buffer = nil }

  /// `momentum` `[P]` when there is one; `restore` goes back to it.
  public func state() throws -> [String: Tensor] { try buffer.map { ["momentum": try $0.clone()] } ?? [:] }
  public func restore(_ state: [String: Tensor]) throws { buffer = try state["momentum"]?.clone() }
}
