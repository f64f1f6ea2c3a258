import Torch

/// Importances Ω around one solution θ*: the penalty Σ Ω (θ − θ*)² of methods that differ in what Ω is.
struct QuadraticAnchor {
  private var importance: CarriedVector
  /// Ωθ*
  private var weighted: CarriedVector

  /// - Parameter importance: `[P]`
  init(_ importance: Tensor, at vector: ParameterVector) throws {
    self.importance = CarriedVector(importance, vector.layout)
    weighted = CarriedVector(try noGrad { try importance * vector.values }, vector.layout)
  }

  /// Reads back what `state()` gave; nil when there was no anchor.
  init?(_ state: State, device: Device) throws {
    guard let importance = try CarriedVector(state.scoped("importance"), device: device),
      let weighted = try CarriedVector(state.scoped("weighted"), device: device)
    else { return nil }
    (self.importance, self.weighted) = (importance, weighted)
  }

  /// Ω at the places of `layout`; zero where parameters are new, so that those are free.
  mutating func importance(in layout: VectorLayout) throws -> Tensor { try importance.tensor(in: layout) }

  /// Adds scale · Ω (θ − θ*) to the gradients.
  mutating func addGradient(to vector: ParameterVector, scale: Double) throws {
    try vector.gradients.addQuadraticPenalty(
      parameter: vector.values.detach(), precision: importance.tensor(in: vector.layout),
      weighted: weighted.tensor(in: vector.layout), scale: scale)
  }

  func state() throws -> State {
    var state = State()
    state.set(try importance.state(), under: "importance")
    state.set(try weighted.state(), under: "weighted")
    return state
  }
}
