import Foundation
import Testing
import Torch

@Suite("Initialisers draw what torch.nn.init draws")
struct InitializerTests {
  typealias Draw = @Sendable ([Int], Generator) throws -> Tensor

  static let draws: [String: Draw] = [
    "kaiming_uniform_sqrt5": { try Initializer.kaimingUniform($0, slope: 5.0.squareRoot(), $1) },
    "kaiming_uniform_relu": { try Initializer.kaimingUniform($0, $1) },
    "kaiming_normal_fan_in": { try Initializer.kaimingNormal($0, $1) },
    "kaiming_normal_fan_out": { try Initializer.kaimingNormal($0, fanOut: true, $1) },
    "xavier_uniform": { try Initializer.xavierUniform($0, $1) },
    "xavier_uniform_tanh": { try Initializer.xavierUniform($0, gain: 5 / 3, $1) },
    "xavier_normal": { try Initializer.xavierNormal($0, $1) },
    "orthogonal": { try Initializer.orthogonal($0, $1) },
    "trunc_normal": { try Initializer.truncatedNormal($0, standardDeviation: 0.02, $1) },
    "trunc_normal_cut": { try Initializer.truncatedNormal($0, mean: 0.5, low: -1, high: 1, $1) },
    "trunc_normal_tail": { try Initializer.truncatedNormal($0, low: 1.5, high: 3, $1) },
  ]

  static let layers: [String: @Sendable (Generator) throws -> Module] = [
    "linear": { try Linear(20, 30, $0) },
    "linear_no_bias": { try Linear(20, 30, bias: false, $0) },
    "conv2d": { try Conv2d(3, 8, kernel: 3, $0) },
    "conv2d_groups": { try Conv2d(4, 8, kernel: 3, groups: 2, $0) },
    "conv_transpose2d": { try ConvTransposed2d(4, 6, kernel: 3, $0) },
    "embedding": { try Embedding(10, 6, $0) },
    "embedding_padding": { try Embedding(10, 6, padding: 3, $0) },
    "layernorm": { _ in try LayerNorm([6]) },
    "batchnorm2d": { _ in try BatchNorm(4) },
    "attention": { try MultiHeadAttention(width: 8, heads: 2, $0) },
    "mlp": { try Sequential([Linear(12, 9, $0), Activation(.relu), Linear(9, 4, $0)]) },
  ]

  /// Draws that are exact on every processor: the others go through vectorised logarithms or LAPACK.
  private func isExact(_ name: String) -> Bool { name.contains("uniform") }

  @Test("exact draws", arguments: draws.keys.sorted(), [("linear", [20, 30]), ("conv", [8, 3, 5, 5])])
  func draw(_ name: String, _ weight: (label: String, shape: [Int])) throws {
    let make = try #require(Self.draws[name])
    let drawn = try make(weight.shape, Generator(seed: 0))
    let expected = try Golden("inits")["init_\(name)_\(weight.label)"]["output"]
    if isExact(name) {
      expectSame(drawn, expected)
    } else {
      expectClose(drawn, expected, relative: 2e-6, absolute: name == "orthogonal" ? 1e-6 : 1e-8)
    }
  }

  @Test("whole layers", arguments: layers.keys.sorted())
  func layer(_ name: String) throws {
    let make = try #require(Self.layers[name])
    let module = try make(Generator(seed: 0))
    let expected = try Golden("inits")["layer_\(name)"].all("parameter.")
    #expect(Set(module.trainableParameters.map(\.path)) == Set(expected.keys))
    for (path, parameter) in module.trainableParameters {
      let value = try #require(expected[path])
      if name.hasPrefix("embedding") {
        expectClose(parameter.value, value, relative: 2e-6, absolute: 1e-8, path)
      } else {
        expectSame(try parameter.value.contiguous(), value, path)
      }
    }
  }

  @Test("the fans of a shape", arguments: [("linear", [20, 30]), ("conv", [8, 3, 5, 5])])
  func fans(_ label: String, _ shape: [Int]) throws {
    let golden = try Golden("inits")["formula_\(label)"]
    let fans = try Initializer.fans(shape)
    #expect(try fans.in == golden["fan_in"].itemInt())
    #expect(try fans.out == golden["fan_out"].itemInt())
    expectError(.shape, "[7]") { try Initializer.fans([7]) }
  }

  @Test("uniform draws fill their bounds and normal ones have their deviation")
  func spread() throws {
    let golden = try Golden("inits")["formula_linear"]
    let shape = [20, 30]
    for (name, bound) in golden.all("").filter({ $0.key.hasSuffix(".bound") && $0.key.contains("_uniform") })
    {
      let draw = try #require(Self.draws[String(name.dropLast(".bound".count))])
      let largest = try draw(shape, Generator(seed: 3)).abs().amax([]).item()
      #expect(try largest <= bound.item() * (1 + 1e-6))
      #expect(try largest > bound.item() * 0.97)
    }
    for (name, deviation) in golden.all("").filter({ $0.key.hasSuffix(".std") }) {
      let draw = try #require(Self.draws[String(name.dropLast(".std".count))])
      let measured = try draw(shape, Generator(seed: 3)).standardDeviation([0, 1]).item()
      #expect(try abs(measured / deviation.item() - 1) < 0.1)
    }
  }

  @Test(
    "an orthogonal matrix is orthogonal, whichever side is longer", arguments: [[6, 4], [4, 6], [5, 5]])
  func orthogonal(_ shape: [Int]) throws {
    let q = try Initializer.orthogonal(shape, gain: 2, Generator(seed: 1))
    let product = try shape[0] > shape[1] ? q.T.matmul(q) : q.matmul(q.T)
    expectClose(product, try Tensor.eye(shape.min() ?? 0) * 4, absolute: 1e-5)
  }

  @Test("a truncated normal stays within its bounds", arguments: [(-0.5, 1.0), (2.0, 9.0), (-40.0, -39.0)])
  func truncated(_ low: Double, _ high: Double) throws {
    let values = try Initializer.truncatedNormal([4000], low: low, high: high, Generator(seed: 1)).floats()
    #expect(values.allSatisfy { Float(low)...Float(high) ~= $0 })
    #expect(Set(values).count > 1000)
  }

  @Test("a distribution that cannot be cut is an error, not an endless loop")
  func uncuttable() throws {
    let generator = try Generator(seed: 1)
    for (low, high, deviation) in [
      (1.0, -1.0, 1.0), (0, 0, 1), (-1, 1, 0), (-1, 1, -1), (.nan, 1, 1), (-1, 1, .nan),
    ] {
      expectError(.other, "cut") {
        try Initializer.truncatedNormal([4], standardDeviation: deviation, low: low, high: high, generator)
      }
    }
  }
}
