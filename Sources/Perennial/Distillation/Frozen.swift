import Digests
import Foundation
import Torch

/// A teacher: a network in evaluation mode that nothing trains, by construction.
///
/// The network inside is a copy of its own that no one else holds, always in evaluation mode, and asked without
/// recording gradients. `digest()` covers parameters and buffers, so that a test can show that nothing moved.
public struct Frozen {
  private let network: Network
  private let dtype: DType

  /// Freezes a copy of a network.
  ///
  /// - Parameter dtype: of the values and of what is computed with them; answers are float32 all the same.
  public init(_ network: Network, _ blueprint: Blueprint, device: Device = .cpu, dtype: DType = .float32)
    throws
  {
    let copy = try blueprint.copy(of: network)
    if device != .cpu { try copy.move(to: device) }
    copy.evaluate()
    for (_, parameter) in copy.parameters {
      parameter.isTrainable = false
      guard dtype != .float32, parameter.value.dtype.isFloatingPoint else { continue }
      parameter.replace(with: try noGrad { try parameter.value.detach().to(dtype) })
    }
    self.network = copy
    self.dtype = dtype
  }

  /// What writes texts, where the model does.
  ///
  /// - Throws: `StrategyError.model`.
  func writer(for strategy: String) throws -> any TokenWriter { try network.writer(for: strategy) }

  /// The classifier's name in paths.
  var headName: String { network.headName }

  /// K
  public var outputs: Int { network.head.outputs }

  /// All parameters and buffers by path.
  var parameters: [String: Tensor] {
    Dictionary(uniqueKeysWithValues: network.parameters.map { ($0.path, $0.parameter.value) })
  }

  /// Outputs `[N, K]` for inputs `[N, …]`, outside the graph.
  public func callAsFunction(_ inputs: Tensor) throws -> Tensor {
    try noGrad { try network(cast(inputs)).to(.float32) }
  }

  /// Outputs, features and the values at these taps for inputs `[N, …]`, outside the graph.
  ///
  /// - Parameter inPieces: leaves outputs to be made piece by piece, where the head can.
  public func look(_ inputs: Tensor, taps: [String] = [], inPieces: Bool = false) throws -> Look {
    try noGrad { try answer(inputs, taps: taps, inPieces: inPieces) }
  }

  /// Outputs and features in the graph of the inputs; nothing of the teacher's own is part of it.
  public func look(inGraphOf inputs: Tensor) throws -> Look { try answer(inputs, taps: []) }

  private func answer(_ inputs: Tensor, taps: [String], inPieces: Bool = false) throws -> Look {
    let look = try network.look(cast(inputs), taps: taps, inPieces: inPieces)
    guard dtype != .float32 else { return look }
    return Look(
      features: try look.features.to(.float32), outputs: try look.outputs.to(.float32),
      taps: try look.taps.mapValues { try $0.to(.float32) }, pieces: look.pieces?.converted(to: .float32))
  }

  /// Inputs in the network's type; whole numbers, such as the ids of tokens, stay what they are.
  private func cast(_ inputs: Tensor) throws -> Tensor {
    inputs.dtype.isFloatingPoint ? try inputs.to(dtype) : inputs
  }

  /// Runs `body` with what the network makes of inputs `[N, …]`, in a graph that begins at the inputs: for derivatives
  /// by inner values. The network itself is no part of the graph.
  public func derivable<Result>(
    _ inputs: Tensor, taps: [String] = [], _ body: (Look) throws -> Result
  ) throws -> Result {
    try withGrad {
      let leaf = try inputs.detach()
      try leaf.setRequiresGrad(true)
      return try body(network.look(leaf, taps: taps))
    }
  }

  /// The names of what there is to look at.
  public var tapNames: [String] { network.tapNames }

  /// Features `[N, D]` of inputs `[N, …]`, outside the graph.
  public func features(_ inputs: Tensor) throws -> Tensor {
    try noGrad { try network.features(cast(inputs)).to(.float32) }
  }

  /// Moves every value a share of the way to another network's, counters and what has grown to its own: a teacher that
  /// follows.
  func follow(_ other: Network, share: Double) throws {
    try noGrad {
      for (own, theirs) in zip(network.parameters, other.parameters) {
        let (value, target) = (own.parameter.value, try theirs.parameter.value.detach())
        if value.shape != target.shape {
          own.parameter.replace(with: try target.clone())
        } else if value.dtype.isFloatingPoint {
          try value.interpolate(to: target, weight: share)
        } else {
          try value.copy(from: target)
        }
      }
    }
  }

  /// SHA-256 of all parameters and buffers.
  public func digest() throws -> String {
    let digester = try Digester.sha256()
    let state = try network.stateDictionary()
    for path in state.keys.sorted() {
      try digester.update(Data(path.utf8))
      if let tensor = state[path] { try digester.update(tensor.data()) }
    }
    return try digester.finish().hex
  }

  /// Everything that makes it up, for strategies that save it.
  public func state() throws -> State {
    var state = State(tensors: try network.stateDictionary())
    state["outputs"] = outputs
    return state
  }

  /// Goes on from what `state()` gave.
  public init(_ state: State, _ blueprint: Blueprint, device: Device = .cpu) throws {
    let random = RandomStreams(seed: 0)
    let network = try blueprint.make(random)
    try network.head.grow(to: state.require("outputs"), random.stream("head"))
    try network.load(state.tensors)
    try self.init(network, blueprint, device: device)
  }
}
