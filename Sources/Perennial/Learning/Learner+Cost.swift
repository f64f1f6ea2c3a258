import Torch

/// What the trained model takes to use.
extension Learner {
  /// Multiplications of a forward pass for one input `[1, …]` in matrix products and convolutions.
  func multiplyAdds(_ input: Tensor) throws -> Int {
    try noGrad { try model.evaluating { try Runtime.multiplyAdds { _ = try model(input) } } }
  }

  /// The median time of a forward pass for one input `[1, …]`, in seconds.
  public func latency(_ input: Tensor) throws -> Double {
    try noGrad {
      try model.evaluating {
        let times = try (0..<11).map { _ in
          let start = ContinuousClock.now
          _ = try model(input)
          return (ContinuousClock.now - start).seconds
        }
        return times.sorted()[times.count / 2]
      }
    }
  }
}
