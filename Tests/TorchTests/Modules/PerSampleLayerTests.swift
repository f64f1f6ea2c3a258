import Testing
import Torch

@Suite("Squared gradients of single examples, without a loop over examples")
struct PerSampleLayerTests {
  static let layers: [String: (make: @Sendable (Generator) throws -> any Layer, input: [Int])] = [
    "linear": ({ try Linear(5, 4, $0) }, [6, 5]),
    "linear without bias": ({ try Linear(5, 4, bias: false, $0) }, [6, 5]),
    "linear with fused ReLU": ({ try Linear(5, 4, relu: true, $0) }, [6, 5]),
    "linear over a sequence": ({ try Linear(5, 4, $0) }, [6, 3, 5]),
    "linear over an image": ({ try Linear(5, 4, relu: true, $0) }, [2, 3, 2, 5]),
    "convolution": ({ try Conv2d(3, 4, kernel: 3, stride: 2, padding: 1, $0) }, [5, 3, 7, 6]),
    "dilated convolution without bias": (
      { try Conv2d(2, 3, kernel: 2, dilation: 2, bias: false, $0) }, [3, 2, 5, 5]
    ),
    "batch normalisation": ({ _ in try BatchNorm(4) }, [6, 4]),
    "batch normalisation of images": ({ _ in try BatchNorm(4) }, [5, 4, 3, 2]),
    "layer normalisation": ({ _ in try LayerNorm([4]) }, [6, 4]),
    "layer normalisation of a sequence": ({ _ in try LayerNorm([3, 4]) }, [5, 2, 3, 4]),
    "group normalisation": ({ _ in try GroupNorm(groups: 2, channels: 4) }, [5, 4, 3, 2]),
    "a model": (
      {
        let body: [any Layer] = [
          try Conv2d(2, 3, kernel: 3, $0), try BatchNorm(3), Activation(.relu), GlobalAveragePool(),
          try Linear(3, 8, relu: true, $0), try LayerNorm([8]), try Linear(8, 3, $0),
        ]
        return Sequential(body)
      }, [5, 2, 6, 6]
    ),
  ]

  @Test("are the sums of each example's own", arguments: layers.keys.sorted())
  func sums(_ name: String) throws {
    let (make, shape) = try #require(Self.layers[name])
    let generator = try Generator(seed: 1)
    let layer = try make(generator)
    for (_, parameter) in layer.parameters where parameter.value.dtype == .float32 {
      try parameter.value.add(Tensor.uniform(parameter.value.shape, generator))
    }
    layer.evaluate()
    for (_, parameter) in layer.trainableParameters { try parameter.value.setRequiresGrad(true) }
    let parameters = layer.trainableParameters.map(\.parameter)
    let x = try Tensor.normal(shape, generator)

    var expected = try parameters.map { try $0.value.zerosLike() }
    for row in 0..<shape[0] {
      let own = try gradients(
        of: layer(x[row..<row + 1]).square().sum(), withRespectTo: parameters.map(\.value))
      expected = try zip(expected, own).map { try $0 + $1.square() }
    }

    var output: Tensor?
    let tape = try layer.recording { output = try layer(x) }
    #expect(tape.covers(parameters))
    let loss = try #require(output).square().sum()
    let deltas = try gradients(of: loss, withRespectTo: tape.entries.map(\.output))
    var found: [ObjectIdentifier: Tensor] = [:]
    for (entry, delta) in zip(tape.entries, deltas) {
      for (parameter, sum) in try entry.layer.gradientSums(.squared, input: entry.input, gradient: delta) {
        found[ObjectIdentifier(parameter)] = sum
      }
    }
    #expect(found.count == parameters.count)
    for (parameter, sum) in zip(parameters, expected) {
      let own = try #require(found[ObjectIdentifier(parameter)])
      expectClose(own, sum, relative: 1e-4, absolute: 1e-4)
    }
    _ = try layer(x)
    #expect(tape.entries.count == deltas.count)
  }

  @Test("a layer used twice is not covered")
  func twice() throws {
    let layer = try Linear(4, 4, Generator(seed: 1))
    let model = Sequential([layer, layer])
    let tape = try model.recording { _ = try model(Tensor.ones([2, 4])) }
    #expect(!tape.covers([layer.weight]))
    #expect(tape.covers([]))
  }

  @Test("what would be wrong is refused")
  func refused() throws {
    let norm = try BatchNorm(2)
    let x = try Tensor.ones([3, 2])
    expectError(.unsupported) { try norm.gradientSums(.squared, input: x, gradient: x) }
    let grouped = try Conv2d(2, 2, kernel: 1, groups: 2, Generator(seed: 1))
    let image = try Tensor.ones([1, 2, 2, 2])
    expectError(.unsupported) { try grouped.gradientSums(.squared, input: image, gradient: image) }
  }
}
