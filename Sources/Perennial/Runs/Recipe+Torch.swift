import Torch

extension Recipe.Optimizer {
  /// A fresh optimizer with these options.
  ///
  /// - Throws: `TorchError` for options that no recipe lets through.
  public func make() throws -> any Torch.Optimizer {
    switch self {
    case .sgd(let options):
      try SGD(
        learningRate: options.lr, momentum: options.momentum, dampening: options.dampening,
        nesterov: options.nesterov, weightDecay: options.weightDecay)
    case .adam(let options):
      try Adam(
        learningRate: options.lr, beta1: options.beta1, beta2: options.beta2, epsilon: options.epsilon,
        weightDecay: options.weightDecay)
    case .adamW(let options):
      try Adam(
        learningRate: options.lr, beta1: options.beta1, beta2: options.beta2, epsilon: options.epsilon,
        weightDecay: options.weightDecay, decoupled: true)
    }
  }
}

extension Recipe.Training {
  /// The number of optimizer steps in an experience.
  ///
  /// - Parameter examples: The number of training examples in the experience; a last, smaller batch counts.
  public func steps(examples: Int) -> Int {
    switch length {
    case .steps(let steps): steps
    case .epochs(let epochs): epochs * stepsPerEpoch(examples)
    }
  }

  /// The learning rate's course over one experience.
  ///
  /// - Parameter examples: The number of training examples in the experience.
  public func torchSchedule(examples: Int) -> Torch.Schedule {
    let unit =
      switch length {
      case .steps: 1
      case .epochs: stepsPerEpoch(examples)
      }
    let warmUpSteps = warmUp.map { $0.steps ?? $0.length * unit } ?? 0
    let rest = max(1, steps(examples: examples) - warmUpSteps)
    let main: Torch.Schedule =
      switch schedule {
      case .constant: .constant
      case .step(let options): .step(every: options.every * unit, factor: options.factor)
      case .multiStep(let options):
        .multiStep(milestones: options.milestones.map { $0 * unit }, factor: options.factor)
      case .cosine(let options): .cosine(steps: rest, minimum: options.minimum)
      case .oneCycle(let options):
        .oneCycle(
          steps: rest, warmUp: options.rise, divisor: options.startDivisor, finalDivisor: options.endDivisor)
      }
    guard let warmUp else { return main }
    return .warmUp(steps: warmUpSteps, start: warmUp.from, then: main)
  }

  private func stepsPerEpoch(_ examples: Int) -> Int { max(1, (examples + batch - 1) / batch) }
}
