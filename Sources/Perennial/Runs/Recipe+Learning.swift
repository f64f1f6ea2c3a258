import Torch

extension Recipe.Training {
  /// What a learner is told about training.
  ///
  /// - Parameter online: mini-batches of this size, each seen once, in place of the recipe's batch and length.
  /// - Parameter keepsOrder: whether an online stream comes as time has ordered it.
  func options(online: Int?, keepsOrder: Bool = false) -> TrainingOptions {
    let length: TrainingOptions.Length =
      switch self.length {
      case .steps(let steps): .steps(steps)
      case .epochs(let epochs): .epochs(epochs)
      }
    return TrainingOptions(
      batch: online ?? batch, length: online == nil ? length : .epochs(1),
      schedule: { torchSchedule(examples: $0) }, clip: clip, resetOptimizer: resetOptimizer,
      keepsOrder: keepsOrder && online != nil,
      views: views, buckets: buckets, accumulate: accumulate)
  }
}
