extension Network {
  /// Refuses a backbone without stages that can be gated.
  func requireGates(_ strategy: String) throws {
    let (one, other) = (backbone.stages, backbone.stages)
    guard !one.isEmpty, zip(one, other).allSatisfy({ $0.gate === $1.gate }) else {
      throw StrategyError.model(strategy, "needs a model with hidden layers that it can gate, such as `mlp`")
    }
  }

  /// Refuses a backbone with stages of more than one layer of weights.
  func requireStageWeights(_ strategy: String) throws {
    try requireGates(strategy)
    guard backbone.stages.allSatisfy({ $0.weight != nil }) else {
      throw StrategyError.model(
        strategy, "needs one layer of weights a hidden layer: use `mlp`, `small-cnn` or `lenet`")
    }
  }
}
