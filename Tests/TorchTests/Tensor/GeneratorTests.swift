import Testing
import Torch

@Suite("Generators draw what torch.Generator draws")
struct GeneratorTests {
  static let draws: [String: @Sendable (Generator) throws -> Tensor] = [
    "normal": { try Tensor.normal([5, 7], $0) },
    "normal_small": { try Tensor.normal([5], $0) },
    "normal_17": { try Tensor.normal([17], $0) },
    "normal_mean_std": { try filled(20) { try $0.fillNormal(mean: 2, standardDeviation: 0.5, $1) }($0) },
    "uniform": { try Tensor.uniform([5, 7], $0) },
    "uniform_range": { try filled(9) { try $0.fillUniform(-2, 3, $1) }($0) },
    "bernoulli": { try filled(40) { try $0.fillBernoulli(0.3, $1) }($0) },
    "bernoulli_tensor": { try Tensor.linspace(0, 1, count: 40).bernoulli($0) },
    "randperm": { try Tensor.permutation(50, $0) },
    "randint": { try Tensor.randomIntegers(0..<10, [30], $0) },
    "randint_range": { try Tensor.randomIntegers(-5..<1000, [30], $0) },
    "multinomial": { try Tensor.arange(1, 7).to(.float32).multinomial(12, replacement: true, $0) },
    "multinomial_distinct": { try Tensor.arange(1, 7).to(.float32).multinomial(4, $0) },
  ]

  private static func filled(
    _ count: Int, _ fill: @escaping @Sendable (Tensor, Generator) throws -> Void
  ) -> @Sendable (Generator) throws -> Tensor {
    { generator in
      let tensor = try Tensor.empty([count])
      try fill(tensor, generator)
      return tensor
    }
  }

  @Test("draws", arguments: draws.keys.sorted())
  func draw(_ name: String) throws {
    let draw = try #require(Self.draws[name])
    let drawn = try draw(Generator(seed: 123))
    let expected = try Golden("inits")["generator_\(name)"]["output"]
    // Normal draws go through vectorised logarithms, whose last bit depends on the processor.
    if name.hasPrefix("normal") {
      expectClose(drawn, expected, relative: 2e-6, absolute: 1e-7)
    } else {
      expectSame(drawn, expected)
    }
  }

  @Test("one generator after the other draw, like PyTorch's")
  func sequence() throws {
    let golden = try Golden("inits")["generator_sequence"]
    let generator = try Generator(seed: 123)
    expectSame(try Tensor.uniform([3], generator), try golden["first"])
    expectSame(try Tensor.permutation(8, generator), try golden["second"])
    expectClose(try Tensor.normal([20], generator), try golden["third"], relative: 2e-6, absolute: 1e-7)
  }

  @Test("a saved state continues where it was saved")
  func state() throws {
    let generator = try Generator(seed: 9)
    _ = try Tensor.normal([5], generator)
    let state = try generator.state()
    let first = try Tensor.uniform([100], generator)
    let other = try Generator(seed: 1)
    try other.restore(state)
    expectSame(try Tensor.uniform([100], other), first)
    try generator.restore(state)
    expectSame(try Tensor.uniform([100], generator), first)
  }

  @Test("what is no state is refused and changes nothing")
  func badState() throws {
    let generator = try Generator(seed: 9)
    let before = try generator.state()
    #expect(throws: TorchError.self) { try generator.restore(Tensor.zeros([16], dtype: .uint8)) }
    #expect(throws: TorchError.self) { try generator.restore(Tensor.zeros([5056])) }
    expectSame(try generator.state(), before)
  }

  @Test("every case of the golden file is drawn here or by an initialiser")
  func complete() throws {
    let generators = try Golden("inits").cases.filter { $0.hasPrefix("generator_") }
    #expect(generators == Set(Self.draws.keys.map { "generator_\($0)" }).union(["generator_sequence"]))
  }
}
