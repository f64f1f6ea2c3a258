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
