import Torch

/// What one step learns from: fresh examples first, then any that strategies put behind them.
public struct Batch {
  /// Model inputs `[N, …]`, float32.
  public var inputs: Tensor
  /// Output units int64 `[N]`, or values `[N, K]`.
  public var targets: Tensor
  /// The task of each item int64 `[N]`; nil where the scenario does not grant it.
  public var tasks: Tensor?
  /// The task of all items, when they share one.
  public var task: Int?
  /// A factor of each item's loss `[N]`; nil means 1 for all.
  public var weights: Tensor?
  /// How many items, the first ones, come from the stream.
  public let fresh: Int

  /// The examples that the fresh items come from, and their places in it: what a memory stores.
  public let source: Examples
  public let places: Tensor
  /// Which of its augmented views each fresh item is, where each example has only so many.
  public var views: [Int]?

  /// N, remembered items included.
  public var count: Int { inputs.shape.first ?? 0 }

  /// The mean of values `[N]` of the items, each times its weight.
  func mean(_ values: Tensor) throws -> Tensor { try (weights.map { try values * $0 } ?? values).mean() }

  /// The items at these places of the batch, in that order.
  public func select(_ index: Tensor) throws -> Batch {
    try noGrad {
      let index = try index.to(.cpu)
      return try Batch(
        inputs: inputs.indexSelect(index.to(inputs.device)),
        targets: targets.indexSelect(index.to(targets.device)),
        tasks: tasks?.indexSelect(index), task: task,
        weights: weights.map { try $0.indexSelect(index.to($0.device)) }, fresh: index.count, source: source,
        places: places.indexSelect(index))
    }
  }

  /// The items of a range; those from the stream still know their examples and views.
  public func items(_ range: Range<Int>) throws -> Batch {
    func part(_ column: Tensor) throws -> Tensor {
      try column.narrow(dim: 0, start: range.lowerBound, count: range.count)
    }
    let own = range.clamped(to: 0..<fresh)
    return try Batch(
      inputs: part(inputs), targets: part(targets), tasks: tasks.map(part), task: task,
      weights: weights.map(part), fresh: own.count, source: source,
      places: places.narrow(dim: 0, start: own.lowerBound, count: own.count),
      views: views.map { Array($0[own]) })
  }

  /// These items and those of other batches, with weights that make the mean loss of all the mean loss of these, plus that
  /// of each other batch times its share.
  public func joining(_ parts: [(items: Batch, share: Double)]) throws -> Batch {
    guard !parts.isEmpty else { return self }
    var joined = try parts.reduce(self) { try $0.appending($1.items) }
    let shares = [(count, 1.0)] + parts.map { ($0.items.count, $0.share) }
    let factors = try Tensor(
      shares.flatMap { [Float](repeating: Float($0.1 * Double(joined.count) / Double($0.0)), count: $0.0) }
    ).to(inputs.device)
    joined.weights = try joined.weights.map { try $0 * factors } ?? factors
    return joined
  }

  /// Puts the items of another batch behind these.
  public func appending(_ other: Batch) throws -> Batch {
    try appending(inputs: other.inputs, targets: other.targets, tasks: other.tasks, weights: other.weights)
  }

  /// Puts further items behind these.
  public func appending(inputs more: Tensor, targets: Tensor, tasks: Tensor?, weights: Tensor? = nil) throws
    -> Batch
  {
    try noGrad {
      var batch = self
      batch.inputs = try Tensor.concatenate([inputs, more])
      batch.targets = try Tensor.concatenate([self.targets, targets])
      if let own = self.tasks, let tasks {
        batch.tasks = try Tensor.concatenate([own, tasks])
        batch.task = nil
      }
      if let weights {
        batch.weights = try Tensor.concatenate([
          self.weights ?? Tensor.ones([count], device: weights.device), weights,
        ])
      } else if let own = self.weights {
        batch.weights = try Tensor.concatenate([own, Tensor.ones([more.shape[0]], device: own.device)])
      }
      return batch
    }
  }
}
