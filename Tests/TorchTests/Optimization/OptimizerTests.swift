import Testing

@testable import Torch

@Suite("Optimizers take PyTorch's steps on the flat vector")
struct OptimizerTests {
  static let rates = [0.1, 0.05, 0.2, 0.0, 0.01]

  static let optimizers: [String: @Sendable () throws -> any Optimizer] = [
    "sgd": { try SGD(learningRate: 0.1) },
    "sgd_momentum": { try SGD(learningRate: 0.1, momentum: 0.9) },
    "sgd_dampening": { try SGD(learningRate: 0.1, momentum: 0.9, dampening: 0.5) },
    "sgd_nesterov": { try SGD(learningRate: 0.1, momentum: 0.9, nesterov: true) },
    "sgd_weight_decay": { try SGD(learningRate: 0.1, weightDecay: 0.05) },
    "sgd_all": { try SGD(learningRate: 0.05, momentum: 0.8, nesterov: true, weightDecay: 0.01) },
    "sgd_momentum_rates": { try SGD(learningRate: 0, momentum: 0.9) },
    "adam": { try Adam() },
    "adam_weight_decay": { try Adam(learningRate: 1e-2, weightDecay: 0.1) },
    "adam_eps": { try Adam(learningRate: 1e-2, epsilon: 0.1) },
    "adam_betas": { try Adam(learningRate: 1e-2, beta1: 0.5, beta2: 0.9) },
    "adam_rates": { try Adam(learningRate: 1) },
    "adamw": { try Adam(learningRate: 1e-2, weightDecay: 0.01, decoupled: true) },
    "adamw_weight_decay": {
      try Adam(
        learningRate: 1e-2, beta1: 0.8, beta2: 0.95, epsilon: 1e-6, weightDecay: 0.2, decoupled: true)
    },
  ]

  /// The golden problem: a vector at the start values, and what sets the gradient of a step.
  private struct Problem {
    let golden: GoldenCase
    let vector: ParameterVector

    init() throws {
      golden = try Golden("optimizers")["problem"]
      vector = try ParameterVector([
        ("weight", Parameter(golden["start.weight"])), ("bias", Parameter(golden["start.bias"])),
      ])
    }

    func setGradient(of step: Int) throws {
      for slot in vector.layout.slots {
        try vector.layout.view(slot, of: vector.gradients).copy(from: golden["gradient.\(slot.path)"][step])
      }
    }
  }

  private func make(_ name: String) throws -> any Optimizer {
    let make = try #require(Self.optimizers[name])
    return try make()
  }

  @Test("five steps", arguments: optimizers.keys.sorted())
  func steps(_ name: String) throws {
    let expected = try Golden("optimizers")["optimizer_\(name)"]
    let (problem, optimizer) = (try Problem(), try make(name))
    for step in 0..<5 {
      if name.hasSuffix("_rates") { optimizer.learningRate = Self.rates[step] }
      try problem.setGradient(of: step)
      try optimizer.step(problem.vector)
      for (slot, parameter) in zip(problem.vector.layout.slots, problem.vector.parameters) {
        expectClose(parameter.value, try expected[slot.path][step], "\(slot.path) after step \(step)")
      }
    }
  }

  @Test("every optimizer of the golden file is here")
  func complete() throws {
    let cases = try Golden("optimizers").cases.filter { $0.hasPrefix("optimizer_") }
    #expect(cases == Set(Self.optimizers.keys.map { "optimizer_\($0)" }))
  }

  @Test("a restored optimizer goes on exactly", arguments: optimizers.keys.sorted())
  func resume(_ name: String) throws {
    let (whole, half) = (try Problem(), try Problem())
    let (first, second, third) = (try make(name), try make(name), try make(name))
    for step in 0..<5 {
      try whole.setGradient(of: step)
      try first.step(whole.vector)
    }
    for step in 0..<3 {
      try half.setGradient(of: step)
      try second.step(half.vector)
    }
    try third.restore(second.state())
    for step in 3..<5 {
      try half.setGradient(of: step)
      try third.step(half.vector)
    }
    expectSame(half.vector.values, whole.vector.values)
  }

  @Test(
    "a state is a copy, and empty before the first step and after reset", arguments: ["sgd_momentum", "adam"])
  func state(_ name: String) throws {
    let (problem, optimizer) = (try Problem(), try make(name))
    #expect(try optimizer.state().isEmpty)
    try problem.setGradient(of: 0)
    try optimizer.step(problem.vector)
    let state = try optimizer.state()
    let copies = try state.mapValues { try $0.clone() }
    try optimizer.step(problem.vector)
    for (key, value) in state { expectSame(value, try #require(copies[key]), key) }
    optimizer.reset()
    #expect(try optimizer.state().isEmpty)
  }

  @Test("state follows a head that grew", arguments: ["sgd_momentum", "adam", "adamw"])
  func growth(_ name: String) throws {
    let body = Parameter(try Tensor.normal([3], Generator(seed: 1)))
    let head = Parameter(try Tensor.normal([2, 2], Generator(seed: 2)), kind: .head)
    let small = try ParameterVector([("head", head), ("body", body)])
    let optimizer = try make(name)
    try small.gradients.fill(0.5)
    try optimizer.step(small)
    let before = try optimizer.state()
    head.replace(with: try Tensor.zeros([3, 2]))
    let large = try ParameterVector([("head", head), ("body", body)])
    try optimizer.carry(from: small.layout, to: large.layout)
    for (key, value) in try optimizer.state() where value.rank == 1 {
      let old = try #require(before[key]).floats()
      #expect(try value.floats() == Array(old.prefix(4)) + [0, 0] + Array(old.suffix(3)), "\(key)")
    }
    #expect(try optimizer.state()["step"]?.item() == before["step"]?.item())
    try large.gradients.fill(0.5)
    try optimizer.step(large)
    #expect(try large.values.isFinite().all().item() == 1)
  }

  @Test(
    "a state of another model is refused instead of read beyond its end", arguments: ["sgd_momentum", "adam"])
  func foreignState(_ name: String) throws {
    let (problem, optimizer) = (try Problem(), try make(name))
    try problem.setGradient(of: 0)
    try optimizer.step(problem.vector)
    let before = try problem.vector.snapshot()
    try optimizer.restore(optimizer.state().mapValues { $0.rank == 1 ? try $0[0..<3].clone() : $0 })
    expectError(.shape, "[3]", "[16]") { try optimizer.step(problem.vector) }
    try optimizer.restore(optimizer.state().mapValues { _ in try Tensor.zeros([16], dtype: .float64) })
    expectError(.dtype) { try optimizer.step(problem.vector) }
    expectSame(problem.vector.values, before)
  }

  @Test("impossible settings")
  func impossible() {
    expectError(.other) { try SGD(learningRate: -1) }
    expectError(.other) { try SGD(learningRate: .nan) }
    expectError(.other, "Nesterov") { try SGD(learningRate: 0.1, nesterov: true) }
    expectError(.other, "Nesterov") {
      try SGD(learningRate: 0.1, momentum: 0.9, dampening: 0.1, nesterov: true)
    }
    expectError(.other) { try Adam(beta1: 1) }
    expectError(.other) { try Adam(beta2: -0.1) }
    expectError(.other) { try Adam(epsilon: -1) }
  }
}
