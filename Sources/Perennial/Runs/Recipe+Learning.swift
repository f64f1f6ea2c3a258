import Torch

extension Recipe.Training {
  /// What a learner is told about training.
  ///
  /// - Parameter online: mini-batches of this size, each seen once, in place of the recipe's batch and length.
  /// - Parameter keepsOrder: whether an online stream comes as time has ordered it.
  func options(online: Int?, keepsOrder: Bool = false) -> TrainingOptions {
    let training = online.map(seenOnce) ?? self
    let length: TrainingOptions.Length =
      switch training.length {
      case .steps(let steps): .steps(steps)
      case .epochs(let epochs): .epochs(epochs)
      }
    return TrainingOptions(
      batch: training.batch, length: length,
      schedule: { training.torchSchedule(examples: $0, budget: $1) }, rewarm: rewarm, clip: clip,
      resetOptimizer: resetOptimizer,
      keepsOrder: keepsOrder && online != nil,
      views: views, buckets: buckets, accumulate: accumulate)
  }

  /// The same for a stream that comes in batches of this size and is seen once.
  private func seenOnce(_ batch: Int) -> Recipe.Training {
    var training = self
    (training.batch, training.length) = (batch, .epochs(1))
    return training
  }
}
