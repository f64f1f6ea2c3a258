import Torch

// MARK: - Looking at gradients beside the step's own

extension Learner {
  /// The gradient `[P]` of a batch's mean loss at the parameters of now, in training mode.
  ///
  /// Nothing stays behind: `vector.gradients` and running statistics are as before.
  public func gradient(of batch: Batch) throws -> Tensor {
    try keepingStatistics {
      try vector.gradient { try loss(model(batch.inputs), batch) }
    }
  }

  /// Runs `body` and puts buffers, such as the running statistics of batch normalisation, back as they were.
  public func keepingStatistics<Result>(_ body: () throws -> Result) throws -> Result {
    let buffers = model.parameters.map(\.parameter).filter { $0.kind == .buffer }
    let kept = try noGrad { try buffers.map { try $0.value.clone() } }
    let result = Swift.Result { try body() }
    try noGrad { for (buffer, value) in zip(buffers, kept) { try buffer.value.copy(from: value) } }
    return try result.get()
  }

  /// The learning rate of the step to come.
  public var learningRate: Double {
    session?.learningRate(base: baseLearningRate) ?? baseLearningRate
  }
}
