import Torch

/// A flat vector, such as an anchor or an importance, that follows the parameter vector when that grows.
public struct CarriedVector {
  private var vector: Tensor
  private var layout: VectorLayout

  public init(_ vector: Tensor, _ layout: VectorLayout) {
    self.vector = vector
    self.layout = layout
  }

  /// Reads back what `state()` gave, onto the device of the parameters; nil when there was no vector.
  public init?(_ state: State, device: Device = .cpu) throws {
    guard let vector = state.tensors["vector"] else { return nil }
    self.init(try noGrad { try vector.to(device).clone() }, try state.require("layout"))
  }

  /// The vector at the places of `current`; zero where parameters are new.
  public mutating func tensor(in current: VectorLayout) throws -> Tensor {
    if layout != current {
      vector = try current.carry(vector, from: layout)
      layout = current
    }
    return vector
  }

  /// The vector at the places of `current`; where parameters are new, as in `other`.
  public mutating func tensor(in current: VectorLayout, elsewhere other: @autoclosure () throws -> Tensor)
    throws -> Tensor
  {
    guard layout != current else { return vector }
    let known = try noGrad { try current.carry(vector.onesLike(), from: layout) .> 0 }
    vector = try noGrad { try Tensor.choose(known, current.carry(vector, from: layout), other().detach()) }
    layout = current
    return vector
  }

  public func state() throws -> State {
    var state = State(tensors: ["vector": try noGrad { try vector.clone() }])
    state["layout"] = layout
    return state
  }
}
