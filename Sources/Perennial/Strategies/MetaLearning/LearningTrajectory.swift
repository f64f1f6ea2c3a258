import Torch

/// Steps on the fresh items of a batch, one part after the other, as a function of the weights: what meta-learning
/// strategies derive.
///
///     φ_0 = θ,   φ_{j+1} = φ_j − r ⊙ ∇L(φ_j; part j)
struct LearningTrajectory {
  let learner: Learner
  let batch: Batch
  /// Parts that the fresh items are cut into.
  let parts: Int
  /// Whether gradients of inner steps are derived too.
  let isSecondOrder: Bool

  /// The weights `[P]` after each inner step.
  ///
  /// - Parameters:
  ///   - weights: θ `[P]`, of a graph.
  ///   - rates: r `[P]`, of a graph or not.
  func points(from weights: Tensor, rates: Tensor) throws -> [Tensor] {
    let size = max(1, (batch.fresh + parts - 1) / parts)
    var current = weights
    return try stride(from: 0, to: batch.fresh, by: size).map { start in
      let part = try batch.items(start..<min(start + size, batch.fresh))
      let slope = try gradients(
        of: loss(at: current, part), withRespectTo: [current], retainGraph: true,
        createGraph: isSecondOrder, allowUnused: true)[0]
      current = try current - slope * rates
      return current
    }
  }

  /// The loss of a batch at other weights `[P]`.
  func loss(at weights: Tensor, _ batch: Batch) throws -> Tensor {
    try learner.vector.bound(to: weights) { try learner.loss(learner.model(batch.inputs), batch) }
  }
}

extension ParameterVector {
  /// The values `[P]` as a function of the parameters, so that what follows from them gives the parameters gradients.
  func derivableValues() throws -> Tensor {
    try Tensor.concatenate(
      parameters.map {
        try $0.value.asStrided([$0.value.count], strides: [1], offset: $0.value.storageOffset)
      })
  }
}
