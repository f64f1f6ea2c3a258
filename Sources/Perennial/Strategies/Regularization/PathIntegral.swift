import Torch

/// How much every parameter took off a loss on its way: ω = −Σ g Δθ, with the gradient g of the loss alone and the step
/// Δθ that the optimizer really took (Zenke et al. 2017, eq. 3).
struct PathIntegral {
  private var integral: CarriedVector
  private var start: CarriedVector
  /// The gradient and the parameters before the step that is on its way, at the end of which layers may grow.
  private var pending: (gradient: CarriedVector, before: CarriedVector)?

  /// Starts at the parameters of now.
  init(from vector: ParameterVector) throws {
    integral = CarriedVector(try noGrad { try vector.values.zerosLike() }, vector.layout)
    start = CarriedVector(try vector.snapshot(), vector.layout)
  }

  /// Reads back what `state()` gave; nil when there was no path.
  init?(_ state: State, device: Device) throws {
    guard let integral = try CarriedVector(state.scoped("integral"), device: device),
      let start = try CarriedVector(state.scoped("start"), device: device)
    else { return nil }
    (self.integral, self.start) = (integral, start)
  }

  /// The gradient of the loss alone is there, and no step has been taken.
  mutating func inspect(_ vector: ParameterVector) throws {
    pending = (
      CarriedVector(try noGrad { try vector.gradients.clone() }, vector.layout),
      CarriedVector(try vector.snapshot(), vector.layout)
    )
  }

  /// The optimizer has moved the parameters.
  mutating func observe(_ vector: ParameterVector) throws {
    guard var (gradient, before) = pending else { return }
    pending = nil
    try integral.tensor(in: vector.layout).addPathIntegral(
      gradient: gradient.tensor(in: vector.layout),
      before: before.tensor(in: vector.layout, elsewhere: vector.values), after: vector.values.detach())
  }

  /// ω, and the way gone from the start.
  mutating func result(_ vector: ParameterVector) throws -> (integral: Tensor, way: Tensor) {
    let start = try start.tensor(in: vector.layout, elsewhere: vector.values)
    return (try integral.tensor(in: vector.layout), try noGrad { try vector.values - start })
  }

  func state() throws -> State {
    var state = State()
    state.set(try integral.state(), under: "integral")
    state.set(try start.state(), under: "start")
    return state
  }
}
