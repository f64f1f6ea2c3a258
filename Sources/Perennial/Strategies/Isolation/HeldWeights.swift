import Torch

/// Weights that must not move any more.
///
/// A gradient of zero is not enough: momentum, Adam's moments and weight decay move a weight that gets none. So the
/// held values are put back after each step, bit for bit.
struct HeldWeights {
  private var mask: CarriedVector?
  private var values: CarriedVector?

  init() {}

  /// Holds the weights where `mask` `[P]`, bool, is true at the values that they have now, and no others.
  mutating func hold(_ mask: Tensor, of vector: ParameterVector) throws {
    self.mask = CarriedVector(mask, vector.layout)
    values = CarriedVector(try vector.snapshot(), vector.layout)
  }

  /// Zeroes their gradients, so that clipping does not count them.
  mutating func zeroGradients(of vector: ParameterVector) throws {
    guard let mask = try mask?.tensor(in: vector.layout) else { return }
    try noGrad { try vector.gradients.copy(from: vector.gradients.maskedFill(mask, 0)) }
  }

  /// Undoes what the optimizer did to them.
  mutating func putBack(into vector: ParameterVector) throws {
    guard let mask = try mask?.tensor(in: vector.layout), let values = try values?.tensor(in: vector.layout)
    else { return }
    try noGrad { try vector.values.copy(from: Tensor.choose(mask, values, vector.values)) }
  }

  func state() throws -> State {
    var state = State()
    if let mask, let values {
      state.set(try mask.state(), under: "mask")
      state.set(try values.state(), under: "values")
    }
    return state
  }

  init(_ state: State, device: Device) throws {
    mask = try CarriedVector(state.scoped("mask"), device: device)
    values = try CarriedVector(state.scoped("values"), device: device)
  }
}

extension ParameterVector {
  /// A vector `[P]` of what `body` says of each parameter, in its shape or one that broadcasts to it.
  func map(_ dtype: DType = .bool, _ body: (VectorLayout.Slot, Parameter) throws -> Tensor) throws -> Tensor {
    try noGrad {
      let result = try Tensor.zeros([count], dtype: dtype, device: values.device)
      for (slot, parameter) in zip(layout.slots, parameters) {
        try layout.view(slot, of: result).copy(from: body(slot, parameter))
      }
      return result
    }
  }

  /// True at the rows of the first `units` outputs, and at whatever else of the head is not made of rows once there are
  /// such units: bool `[P]`.
  func headRows(before units: Int) throws -> Tensor {
    try map { slot, parameter in
      let rows = slot.shape.first ?? 0
      guard parameter.kind == .head, units > 0, rows > 0 else {
        return try Tensor([parameter.kind == .head && units > 0], shape: [])
      }
      let isOld = try Tensor.arange(0, rows, device: values.device) .< units
      return try isOld.reshape([rows] + slot.shape.dropFirst().map { _ in 1 })
    }
  }
}

/// The order in which tasks were met; isolation counts tasks by it.
struct TaskOrder: Codable, Equatable {
  private(set) var tasks: [Int] = []

  var count: Int { tasks.count }

  /// Takes a task in, and gives its place.
  mutating func admit(_ task: Int) -> Int {
    if let place = tasks.firstIndex(of: task) { return place }
    tasks.append(task)
    return tasks.count - 1
  }

  /// The place of a task that was met; nil for no task, and for those to come.
  func place(of task: Int?) -> Int? { task.flatMap { tasks.firstIndex(of: $0) } }
}

extension Network {
  /// Lets the statistics of batch normalisation be.
  func freezeStatistics() {
    for case let norm as BatchNorm in modules { norm.keepsStatistics = true }
  }
}

extension Experience {
  /// The task, which a strategy that isolates tasks cannot do without.
  func requireTask(_ strategy: String) throws -> Int {
    guard let task else { throw StrategyError.needsTasks(strategy) }
    return task
  }
}
