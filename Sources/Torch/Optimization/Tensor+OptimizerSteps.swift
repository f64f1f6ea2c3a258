import CTorch

extension Tensor {
  func sgdStep(
    gradient: Tensor, momentum: Tensor?, weightDecay: Double, momentumFactor: Double, learningRate: Double,
    dampening: Double, nesterov: Bool, first: Bool
  ) throws {
    try Tensor.withHandle(momentum) { momentum in
      try mutate(with: gradient) {
        ct_fused_sgd_(
          $0, $1, momentum, weightDecay, momentumFactor, learningRate, dampening, nesterov, first)
      }
    }
  }

  func adamStep(
    gradient: Tensor, mean: Tensor, square: Tensor, step: Tensor, learningRate: Double, beta1: Double,
    beta2: Double, weightDecay: Double, epsilon: Double, decoupled: Bool
  ) throws {
    try withExtendedLifetime((self, gradient, mean, square, step)) {
      try check(
        ct_fused_adam_(
          handle, gradient.handle, mean.handle, square.handle, step.handle, learningRate, beta1, beta2,
          weightDecay, epsilon, decoupled))
    }
  }
}
