import Testing

@testable import Torch

@Suite("The fused linear kernel is the plain one, for both libraries", .serialized)
struct LinearKernelTests {
  static let backends = LinearBackend.allCases

  /// Input, weight and bias, all tracked.
  private func operands(_ rows: Int = 6, _ inputs: Int = 5, _ outputs: Int = 4, seed: UInt64 = 1) throws
    -> [Tensor]
  {
    let generator = try Generator(seed: seed)
    let tensors = try [[rows, inputs], [outputs, inputs], [outputs]].map { try Tensor.normal($0, generator) }
    for tensor in tensors { try tensor.setRequiresGrad(true) }
    return tensors
  }

  private func plain(_ t: [Tensor], bias: Bool, relu: Bool) throws -> Tensor {
    var y = try t[0].matmul(t[1].T)
    if bias { y = try y + t[2] }
    return relu ? try y.relu() : y
  }

  @Test(
    "values and gradients", arguments: backends, [(false, false), (false, true), (true, false), (true, true)])
  func values(_ backend: LinearBackend, _ options: (bias: Bool, relu: Bool)) throws {
    for (rows, inputs, outputs) in [(6, 5, 4), (1, 1, 1), (33, 64, 17), (128, 100, 10)] {
      let t = try operands(rows, inputs, outputs)
      let inputs = options.bias ? t : Array(t.prefix(2))
      let y = try t[0].linear(t[1], bias: options.bias ? t[2] : nil, relu: options.relu, backend: backend)
      let expected = try plain(t, bias: options.bias, relu: options.relu)
      expectClose(y, expected, absolute: 2e-5)
      let seed = try Tensor.normal([rows, outputs], Generator(seed: 2))
      let found = try gradients(of: [y], withRespectTo: inputs, seeds: [seed])
      let wanted = try gradients(of: [expected], withRespectTo: inputs, seeds: [seed])
      for (index, (a, b)) in zip(found, wanted).enumerated() {
        expectClose(a, b, relative: 1e-4, absolute: 5e-5, "gradient \(index)")
      }
    }
  }

  @Test("only the gradients that are asked for", arguments: backends)
  func partial(_ backend: LinearBackend) throws {
    for kept in 0..<3 {
      let t = try operands()
      for (index, tensor) in t.enumerated() where index != kept { try tensor.setRequiresGrad(false) }
      try t[0].linear(t[1], bias: t[2], relu: true, backend: backend).sum().backward()
      let wanted = try gradients(of: plain(t, bias: true, relu: true).sum(), withRespectTo: [t[kept]])[0]
      expectClose(try #require(try t[kept].gradient), wanted, absolute: 2e-5)
      for (index, tensor) in t.enumerated() where index != kept { #expect(try tensor.gradient == nil) }
    }
  }

  @Test("second derivatives", arguments: backends, [false, true])
  func doubleBackward(_ backend: LinearBackend, relu: Bool) throws {
    let t = try operands()
    func second(_ y: Tensor) throws -> [Tensor] {
      let first = try gradients(of: (y * y).sum(), withRespectTo: t, createGraph: true)
      let norm = try first.dropFirst().reduce(try first[0].square().sum()) { try $0 + $1.square().sum() }
      return try gradients(of: norm, withRespectTo: t)
    }
    let found = try second(t[0].linear(t[1], bias: t[2], relu: relu, backend: backend))
    let wanted = try second(plain(t, bias: true, relu: relu))
    for (a, b) in zip(found, wanted) { expectClose(a, b, relative: 1e-4, absolute: 2e-3) }
  }

  @Test("operands with holes between their elements", arguments: backends)
  func strided(_ backend: LinearBackend) throws {
    let generator = try Generator(seed: 3)
    let x = try Tensor.normal([5, 12], generator).T.slice(dim: 0, from: 0, to: 12, by: 2)
    let w = try Tensor.normal([5, 4], generator).T
    #expect(try !x.isContiguous && !w.isContiguous)
    expectClose(try x.linear(w, relu: true, backend: backend), try x.matmul(w.T).relu(), absolute: 2e-5)
  }

  @Test("shapes the kernel leaves to libtorch", arguments: backends)
  func plainShapes(_ backend: LinearBackend) throws {
    let t = try operands()
    let deep = try Tensor.normal([2, 3, 5], Generator(seed: 4))
    expectClose(
      try deep.linear(t[1], bias: t[2], relu: true, backend: backend),
      try (deep.matmul(t[1].T) + t[2]).relu(), absolute: 2e-5)
    #expect(try Tensor.zeros([0, 5]).linear(t[1], backend: backend).shape == [0, 4])
    #expect(
      try Tensor.zeros([3, 0]).linear(Tensor.zeros([4, 0]), backend: backend).equals(Tensor.zeros([3, 4])))
    #expect(try Tensor.zeros([3, 5]).linear(Tensor.zeros([0, 5]), backend: backend).shape == [3, 0])
    let double = try t[0].to(.float64).linear(t[1].to(.float64), backend: backend)
    expectClose(try double.to(.float32), try t[0].matmul(t[1].T), absolute: 2e-5)
  }

  @Test("operands that do not fit are errors, never reads beyond them", arguments: backends)
  func mistakes(_ backend: LinearBackend) throws {
    let t = try operands()
    expectError(.shape) { try t[0].linear(Tensor.zeros([4, 6]), backend: backend) }
    expectError(.shape) { try t[0].linear(t[1], bias: Tensor.zeros([2]), backend: backend) }
    expectError(.shape) { try t[0].linear(t[1], bias: Tensor.zeros([2, 4, 4]), backend: backend) }
    expectError(.dtype) { try t[0].linear(t[1].to(.float64), backend: backend) }
    expectError(.dtype) { try t[0].linear(t[1], bias: t[2].to(.float64), backend: backend) }
  }

  @Test("a weight used twice collects both gradients", arguments: backends)
  func shared(_ backend: LinearBackend) throws {
    let t = try operands(6, 5, 5)
    let vector = try ParameterVector([("w", Parameter(t[1])), ("b", Parameter(t[2]))])
    let (w, b) = (vector.parameters[0].value, vector.parameters[1].value)
    let inner = try t[0].linear(w, bias: b, relu: true, backend: backend)
    try vector.backward(inner.linear(w, bias: b, backend: backend).sum())
    let reference = try plain([plain([t[0], w, b], bias: true, relu: true), w, b], bias: true, relu: false)
    let wanted = try gradients(of: reference.sum(), withRespectTo: [w, b])
    expectClose(
      vector.gradients, try Tensor.concatenate(wanted.map { try $0.flatten() }), relative: 1e-4,
      absolute: 5e-5)
  }
}
