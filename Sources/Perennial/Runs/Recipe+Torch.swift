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
  /// - Parameters:
  ///   - examples: The number of training examples in the experience.
  ///   - budget: How many times the `steps` of the recipe it is learned for, as where everything is learned again; the course is
  ///     stretched alike. Epochs bring their budget by themselves.
  public func torchSchedule(examples: Int, budget: Int = 1) -> Torch.Schedule {
    let unit =
      switch length {
      case .steps: budget
      case .epochs: stepsPerEpoch(examples)
      }
    let warmUpSteps = warmUp?.steps(unit: unit) ?? 0
    let whole = if case .steps(let steps) = length { steps * budget } else { steps(examples: examples) }
    let rest = max(1, whole - warmUpSteps)
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

  /// Refuses a warm-up that ends after the training.
  ///
  /// - Parameter examples: The number of training examples in the largest experience.
  /// - Throws: `ConfigurationError` at `warm_up`.
  func checkWarmUp(examples: Int, at node: ConfigurationNode) throws {
    guard let warmUp else { return }
    let unit = if case .steps = length { 1 } else { stepsPerEpoch(examples) }
    let (rise, whole) = (warmUp.steps(unit: unit), steps(examples: examples))
    guard rise > whole else { return }
    throw node.error(
      at: "warm_up", "takes \(rise) steps of \(whole): the full learning rate would never be reached")
  }

  private func stepsPerEpoch(_ examples: Int) -> Int { max(1, (examples + batch - 1) / batch) }
}
