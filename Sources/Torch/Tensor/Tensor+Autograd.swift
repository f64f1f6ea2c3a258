import CTorch

/// Runs `body` without recording the autograd graph.
///
/// The mode belongs to the thread, so the closure is synchronous: never hold it across `await`.
@discardableResult
public func noGrad<Result>(_ body: () throws -> Result) rethrows -> Result {
  try withGradMode(false, body)
}

/// Runs `body` recording the autograd graph, also inside `noGrad`.
@discardableResult
public func withGrad<Result>(_ body: () throws -> Result) rethrows -> Result {
  try withGradMode(true, body)
}

/// Whether operations on this thread record the autograd graph.
public var isGradEnabled: Bool { ct_grad_mode() }

private func withGradMode<Result>(_ enabled: Bool, _ body: () throws -> Result) rethrows -> Result {
  let before = ct_grad_mode()
  ct_set_grad_mode(enabled)
  defer { ct_set_grad_mode(before) }
  return try body()
}

/// The gradients of a scalar (or of Σ outputs · seeds) with respect to `inputs`, leaving `.gradient`
/// untouched.
///
/// - Parameters:
///   - createGraph: records the result, for derivatives of higher order.
///   - allowUnused: gives zeros for inputs that the outputs do not depend on, instead of throwing.
/// - Throws: `TorchError` (`autograd`) when an input is not part of the graph and `allowUnused` is off.
public func gradients(
  of outputs: [Tensor], withRespectTo inputs: [Tensor], seeds: [Tensor]? = nil, retainGraph: Bool = false,
  createGraph: Bool = false, allowUnused: Bool = false
) throws -> [Tensor] {
  guard seeds == nil || seeds?.count == outputs.count else {
    throw TorchError(.shape, "\(outputs.count) outputs need as many seeds, not \(seeds?.count ?? 0)")
  }
  let results = try Tensor.withHandles(outputs) { outputs, outputCount in
    try Tensor.withHandles(inputs) { inputs, inputCount in
      try Tensor.withHandles(seeds ?? []) { list, _ in
        try Tensor.makeArray(count: inputCount) {
          ct_gradients(
            outputs, outputCount, inputs, inputCount, seeds == nil ? nil : list, retainGraph || createGraph,
            createGraph, allowUnused, $0)
        }
      }
    }
  }
  return try zip(results, inputs).map { ct_tensor_defined($0.handle) ? $0 : try $1.zerosLike() }
}

/// The gradients of one scalar with respect to `inputs`.
public func gradients(
  of output: Tensor, withRespectTo inputs: [Tensor], retainGraph: Bool = false, createGraph: Bool = false,
  allowUnused: Bool = false
) throws -> [Tensor] {
  try gradients(
    of: [output], withRespectTo: inputs, retainGraph: retainGraph, createGraph: createGraph,
    allowUnused: allowUnused)
}

extension Tensor {
  /// Whether operations on this tensor are recorded for `backward`.
  public var requiresGrad: Bool {
    get throws { try flag { ct_requires_grad(handle, $0) } }
  }

  /// Starts or stops recording operations on this leaf; throws (`dtype`) unless its type is floating point.
  public func setRequiresGrad(_ value: Bool) throws { try mutate { ct_requires_grad_($0, value) } }

  /// Whether no recorded operation made this tensor; only leaves keep a `gradient`.
  public var isLeaf: Bool {
    get throws { try flag { ct_is_leaf(handle, $0) } }
  }

  /// Adds the derivatives of this scalar to the `gradient` of every leaf it depends on.
  public func backward(retainGraph: Bool = false) throws {
    try mutate { ct_backward($0, nil, retainGraph, false) }
  }

  /// Like `backward()`, with linear layers adding their products straight into existing gradients.
  ///
  /// For the training step, where gradients are views of one flat vector; same values up to rounding.
  func directBackward() throws { try mutate(ct_direct_backward) }

  /// The accumulated gradient of a leaf, or nil.
  public var gradient: Tensor? {
    get throws {
      let gradient = try unary(ct_grad)
      return ct_tensor_defined(gradient.handle) ? gradient : nil
    }
  }

  /// Puts a gradient of the same shape in place, or takes it away; later `backward` calls add to its memory.
  public func setGradient(_ gradient: Tensor?) throws {
    if let gradient, gradient.shape != shape || gradient.dtype != dtype {
      throw TorchError(.shape, "\(gradient) is not a gradient of \(self)")
    }
    try Tensor.withHandle(gradient) { gradient in try mutate { ct_set_grad($0, gradient) } }
  }
}
