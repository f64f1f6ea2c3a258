import Torch

// MARK: - Asking the model

extension Learner {
  /// Outputs `[N, K]` for model inputs `[N, …]`, as in use: evaluation mode, no gradient, and with whatever strategies
  /// put in place of the head's answer.
  ///
  /// - Parameters:
  ///   - task: the task of all items, where it is told.
  ///   - head: answers in place of the model's own head.
  public func predict(_ inputs: Tensor, task: Int? = nil, head: (any Head)? = nil) throws -> Tensor {
    try asking(task: task) {
      let features = try model.features(inputs)
      var outputs = try (head ?? model.head)(features)
      for strategy in strategies {
        let question = Question(inputs: inputs, features: features, outputs: outputs, task: task)
        outputs = try strategy.answer(question, self) ?? outputs
      }
      return outputs
    }
  }

  /// Runs `body` with the model in evaluation mode, without gradient and with the task's masks in place.
  public func asking<Result>(task: Int?, _ body: () throws -> Result) throws -> Result {
    try noGrad {
      try model.evaluating {
        try select(task: task)
        let result = Swift.Result { try body() }
        try select(task: session?.task)
        return try result.get()
      }
    }
  }
}
