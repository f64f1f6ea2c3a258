import Torch

/// Trainable parameters of a module outside the learner's model, with an optimizer of their own.
final class SideTraining {
  let module: Module
  private(set) var vector: ParameterVector
  private let optimizer: Adam

  init(_ module: Module, learningRate: Double, beta1: Double = 0.9, device: Device) throws {
    if device != .cpu { try module.move(to: device) }
    self.module = module
    vector = try ParameterVector(module.trainableParameters)
    optimizer = try Adam(learningRate: learningRate, beta1: beta1)
  }

  /// One step down a loss.
  func descend(_ loss: Tensor) throws {
    try vector.zeroGradients()
    try vector.backward(loss)
    try optimizer.step(vector)
  }

  /// One step by gradients that are there already.
  func step() throws { try optimizer.step(vector) }

  /// Gathers the parameters anew after the module grew.
  func parametersChanged(_ device: Device) throws {
    if device != .cpu { try module.move(to: device) }
    let old = vector.layout
    vector = try ParameterVector(module.trainableParameters)
    try optimizer.carry(from: old, to: vector.layout)
  }

  func state() throws -> State {
    var state = State()
    state.set(State(tensors: try module.stateDictionary()), under: "module")
    state.set(State(tensors: try optimizer.state()), under: "optimizer")
    return state
  }

  func restore(_ state: State, _ device: Device) throws {
    try module.load(state.scoped("module").tensors)
    try parametersChanged(device)
    try optimizer.restore(state.scoped("optimizer").tensors.mapValues { try $0.to(device) })
  }
}
