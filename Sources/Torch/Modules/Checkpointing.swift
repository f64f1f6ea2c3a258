import CTorch

/// Runs a part of a model without remembering what is inside; the backward pass runs it again (Chen et al. 2016).
///
/// Values and gradients are those of the plain call; memory holds the inputs and the output alone, time grows by one
/// forward pass of the part. Draws of `generators` are repeated. The result is differentiated once: derivatives of
/// higher order are refused.
/// - Parameters:
///   - inputs: What `body` takes; those that require gradients get them.
///   - module: The part, whose parameters get gradients too.
///   - generators: The random streams that the part draws from.
///   - body: The part. It is called a second time during `backward` and must do the same then.
public func checkpointed(
  _ inputs: [Tensor], of module: Module, generators: [Generator] = [],
  _ body: @escaping ([Tensor]) throws -> Tensor
) throws -> Tensor {
  let parameters = try module.parameters.map(\.parameter).filter { try $0.value.requiresGrad }
  let states = try generators.map { try $0.state() }
  let value = try noGrad { try body(inputs) }
  let recomputation = Recomputation(
    inputs: inputs, parameters: parameters.map { ($0, $0.value) }, streams: Array(zip(generators, states)),
    body: body)
  let context = Unmanaged.passRetained(recomputation).toOpaque()
  return try Tensor.withHandles(inputs + parameters.map(\.value)) { handles, count in
    try Tensor.withHandle(value) { value in
      try Tensor.make {
        ct_checkpoint(
          value, handles, count, context, Recomputation.call,
          { $0.map { Unmanaged<Recomputation>.fromOpaque($0).release() } }, $0)
      }
    }
  }
}

/// A block to be run again, with the weights and the random states of its first run.
private final class Recomputation {
  private let inputs: [Tensor]
  private let parameters: [(parameter: Parameter, value: Tensor)]
  private let streams: [(generator: Generator, state: Tensor)]
  private let body: ([Tensor]) throws -> Tensor

  init(
    inputs: [Tensor], parameters: [(Parameter, Tensor)], streams: [(Generator, Tensor)],
    body: @escaping ([Tensor]) throws -> Tensor
  ) {
    (self.inputs, self.parameters, self.streams, self.body) = (inputs, parameters, streams, body)
  }

  /// The gradients of inputs and parameters; nil for inputs that need none.
  private func gradients(_ upstream: Tensor) throws -> [Tensor?] {
    let leaves = try inputs.map { input in
      let leaf = try input.detach()
      if try input.requiresGrad { try leaf.setRequiresGrad(true) }
      return leaf
    }
    let own = parameters.map(\.parameter.value)
    let current = try streams.map { try $0.generator.state() }
    for (parameter, value) in parameters { parameter.value = value }
    for (generator, state) in streams { try generator.restore(state) }
    defer { for ((parameter, _), value) in zip(parameters, own) { parameter.value = value } }
    let result = Result { try withGrad { try body(leaves) } }
    for ((generator, _), state) in zip(streams, current) { try generator.restore(state) }
    let wanted = try leaves.filter { try $0.requiresGrad } + parameters.map(\.value)
    var found = try Torch.gradients(
      of: [result.get()], withRespectTo: wanted, seeds: [upstream], allowUnused: true
    ).makeIterator()
    return try leaves.map { try $0.requiresGrad ? found.next() : nil } + parameters.map { _ in found.next() }
  }

  static let call: ct_recompute = { context, upstream, results, message, capacity in
    guard let context, let upstream, let results else { return -1 }
    let recomputation = Unmanaged<Recomputation>.fromOpaque(context).takeUnretainedValue()
    do {
      let upstream = try Tensor.make { ct_detach(upstream, $0) }
      for (index, gradient) in try recomputation.gradients(upstream).enumerated() {
        guard let gradient else { continue }
        try gradient.withNewHandle { results[index] = $0 }
      }
      return 0
    } catch {
      guard let message else { return -1 }
      for (index, byte) in "\(error)".utf8.prefix(max(capacity - 1, 0)).enumerated() {
        message[index] = CChar(bitPattern: byte)
        message[index + 1] = 0
      }
      return -1
    }
  }
}

extension Tensor {
  /// Gives away another reference to this tensor.
  fileprivate func withNewHandle(_ take: (ct_tensor?) -> Void) throws {
    var result: ct_tensor?
    try withExtendedLifetime(self) { try check(ct_detach(handle, &result)) }
    take(result)
  }

  /// This scalar with known gradients for `inputs`, so that `backward` passes them on, times its own.
  ///
  /// For losses that are computed, and differentiated, in pieces. They are differentiated once.
  /// - Throws: `TorchError` (`shape`) unless there is one gradient of the input's shape for each input.
  public func attaching(gradients: [Tensor], to inputs: [Tensor]) throws -> Tensor {
    try Tensor.withHandles(inputs) { inputs, inputCount in
      try Tensor.withHandles(gradients) { gradients, count in
        try unary { ct_attach_gradients($0, inputs, inputCount, gradients, count, $1) }
      }
    }
  }
}
