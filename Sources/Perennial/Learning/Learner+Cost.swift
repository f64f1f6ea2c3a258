import Torch

/// What the trained model takes to use.
extension Learner {
  /// Multiplications of a forward pass for one input `[1, …]` in linear and convolution layers.
  func multiplyAdds(_ input: Tensor) throws -> Int {
    try noGrad {
      let tape = try model.evaluating { try model.recording { _ = try model(input) } }
      return tape.entries.reduce(0) { sum, entry in
        guard let weight = entry.layer.parameters.first(where: { $0.path == "weight" })?.parameter.value,
          weight.rank == 2 || weight.rank == 4
        else { return sum }
        return sum + weight.count * (entry.output.count / max(weight.shape[0], 1))
      }
    }
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
