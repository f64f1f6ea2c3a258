/// Why a set of named tensors is not a checkpoint of a module.
public struct StateMismatch: Error, CustomStringConvertible, Equatable {
  /// Paths the module has and the file has not.
  public let missing: [String]
  /// Paths the file has and the module has not.
  public let unused: [String]
  /// Paths with another shape, with what is there and what is needed.
  public let misshaped: [String]

  public var description: String {
    var lines: [String] = []
    if !missing.isEmpty { lines.append("missing: \(missing.joined(separator: ", "))") }
    if !unused.isEmpty { lines.append("not part of the model: \(unused.joined(separator: ", "))") }
    if !misshaped.isEmpty { lines.append("of another shape: \(misshaped.joined(separator: "; "))") }
    return "the weights do not fit the model: " + lines.joined(separator: "; ")
  }
}

extension Module {
  /// Copies of all parameters and buffers by path, on the CPU.
  ///
  /// - Throws: `TorchError` where two parts have one name.
  public func stateDictionary() throws -> [String: Tensor] {
    try checkNames()
    return try noGrad {
      var result: [String: Tensor] = [:]
      for (path, parameter) in parameters {
        result[path] = try parameter.value.detach().to(.cpu).clone().contiguous()
      }
      return result
    }
  }

  /// Copies named tensors into the parameters of the same paths.
  ///
  /// Nothing is changed unless everything fits.
  /// - Parameter strict: also refuse tensors that the module does not have.
  /// - Throws: `StateMismatch` naming every missing, unused or misshaped path; `TorchError` where two parts have one name.
  public func load(_ state: [String: Tensor], strict: Bool = true) throws {
    try checkNames()
    try fitAll(state.mapValues(\.shape))
    let own = parameters
    let paths = Set(own.map(\.path))
    let mismatch = StateMismatch(
      missing: own.map(\.path).filter { state[$0] == nil },
      unused: strict ? state.keys.filter { !paths.contains($0) }.sorted() : [],
      misshaped: own.compactMap { path, parameter in
        guard let shape = state[path]?.shape, shape != parameter.value.shape else { return nil }
        return "\(path) is \(shape), not \(parameter.value.shape)"
      })
    guard mismatch.missing.isEmpty, mismatch.unused.isEmpty, mismatch.misshaped.isEmpty else {
      throw mismatch
    }
    try noGrad {
      for (path, parameter) in own {
        if let tensor = state[path] { try parameter.value.copy(from: tensor) }
      }
    }
  }
}
