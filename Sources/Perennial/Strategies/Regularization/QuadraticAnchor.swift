import Torch

/// Importances Ω around one solution θ*, or ΣΩ and ΣΩθ* of several: the penalty Σ Ω (θ − θ*)² of methods that differ in
/// what Ω is.
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

  /// Further importances `[P]`, around the solution of now.
  mutating func add(_ importance: Tensor, at vector: ParameterVector) throws {
    let layout = vector.layout
    try noGrad {
      weighted = CarriedVector(
        try weighted.tensor(in: layout) + importance * vector.values, layout)
      self.importance = CarriedVector(try self.importance.tensor(in: layout) + importance, layout)
    }
  }

  /// ½ Σ Ω (θ − θ*)² without its constant part ½ Σ Ω θ*².
  mutating func energy(_ vector: ParameterVector) throws -> Double {
    let (importance, weighted) = try (
      importance.tensor(in: vector.layout), weighted.tensor(in: vector.layout)
    )
    return try noGrad {
      let theta = vector.values
      return try (importance * theta * theta / 2 - weighted * theta).sum().item()
    }
  }

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
