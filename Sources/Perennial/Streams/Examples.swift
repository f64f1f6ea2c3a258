import Torch

/// Examples in memory: raw inputs and what goes with each, one tensor a column.
///
/// Inputs stay as they were read (uint8 images, float features); a pipeline turns the rows of a batch into what a
/// model takes.
public struct Examples {
  /// Raw inputs `[N, …]`: uint8 images `[N, C, H, W]` or float32 features `[N, D]`.
  public let inputs: Tensor
  /// Class labels int64 `[N]`, several labels `[N, K]` of 0 and 1, or float32 values `[N, K]`.
  public let targets: Tensor
  /// The task of each example int64 `[N]`, where the scenario grants it.
  public let tasks: Tensor?
  /// What identifies each example in its data set, int64 `[N]`.
  public let identifiers: Tensor

  /// N
  public var count: Int { inputs.shape.first ?? 0 }

  /// - Throws: `StreamError.columns` when the columns differ in length.
  public init(inputs: Tensor, targets: Tensor, tasks: Tensor? = nil, identifiers: Tensor? = nil) throws {
    let count = inputs.shape.first ?? 0
    let lengths = [targets, tasks, identifiers].compactMap { $0?.shape.first }
    guard lengths.allSatisfy({ $0 == count }), inputs.rank > 0 else {
      throw StreamError.columns(inputs: count, others: lengths)
    }
    self.inputs = inputs
    self.targets = targets
    self.tasks = tasks
    self.identifiers = try identifiers ?? Tensor.arange(0, count)
  }

  /// The examples at the given places, in that order.
  public func select(_ index: Tensor) throws -> Examples {
    try noGrad {
      try Examples(
        inputs: inputs.indexSelect(index), targets: targets.indexSelect(index),
        tasks: tasks?.indexSelect(index), identifiers: identifiers.indexSelect(index))
    }
  }

  /// The examples at the given places, in that order. Neighbours share the memory of all.
  public func select(_ places: [Int]) throws -> Examples {
    guard let first = places.first, places.enumerated().allSatisfy({ $1 == first + $0 }) else {
      return try select(try Tensor(places))
    }
    func part(_ column: Tensor) throws -> Tensor {
      try column.narrow(dim: 0, start: first, count: places.count)
    }
    return try noGrad {
      try Examples(
        inputs: part(inputs), targets: part(targets), tasks: tasks.map(part),
        identifiers: part(identifiers))
    }
  }

  /// The examples but for those of these identifiers.
  func without(_ gone: Set<Int>) throws -> Examples {
    guard !gone.isEmpty else { return self }
    let numbers = try identifiers.integers()
    return try select(numbers.indices.filter { !gone.contains(numbers[$0]) })
  }

  /// The same examples with other targets.
  public func with(targets: Tensor) throws -> Examples {
    try Examples(inputs: inputs, targets: targets, tasks: tasks, identifiers: identifiers)
  }

  /// The same examples, all of one task.
  public func with(task: Int) throws -> Examples {
    try Examples(
      inputs: inputs, targets: targets, tasks: Tensor.full([count], task, dtype: .int64),
      identifiers: identifiers)
  }

  /// All examples one set after the other.
  ///
  /// - Throws: `TorchError` for inputs of different shapes, and for no sets at all.
  public static func concatenate(_ sets: [Examples]) throws -> Examples {
    guard sets.count != 1 else { return sets[0] }
    let tasks = sets.compactMap(\.tasks)
    return try noGrad {
      try Examples(
        inputs: Tensor.concatenate(sets.map(\.inputs)), targets: Tensor.concatenate(sets.map(\.targets)),
        tasks: tasks.count == sets.count ? Tensor.concatenate(tasks) : nil,
        identifiers: Tensor.concatenate(sets.map(\.identifiers)))
    }
  }
}
