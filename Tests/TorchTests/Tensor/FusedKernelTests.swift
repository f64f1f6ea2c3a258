import Testing

@testable import Torch

@Suite("Kernels that save passes over memory")
struct FusedKernelTests {
  // MARK: - Backward into the flat gradient

  private func model(_ seed: UInt64) throws -> Sequential {
    let generator = try Generator(seed: seed)
    return Sequential([
      try Linear(6, 8, relu: true, generator), try LayerNorm([8]), try Linear(8, 8, relu: true, generator),
      Activation(.tanh), try Linear(8, 3, generator),
    ])
  }

  @Test("direct backward adds up to what backward adds up to, pass after pass")
  func directBackward() throws {
    let (direct, plain) = (try model(1), try model(1))
    let (a, b) = (
      try ParameterVector(direct.trainableParameters), try ParameterVector(plain.trainableParameters)
    )
    let generator = try Generator(seed: 2)
    for _ in 0..<3 {
      let x = try Tensor.normal([7, 6], generator)
      let y = try Tensor.randomIntegers(0..<3, [7], generator)
      try a.backward(direct(x).crossEntropy(y))
      try plain(x).crossEntropy(y).backward()
      expectClose(a.gradients, b.gradients, absolute: 1e-6)
    }
    #expect(try a.gradientNorm() > 0.1)
    for (slot, parameter) in zip(a.layout.slots, a.parameters) {
      let gradient = try #require(try parameter.value.gradient)
      #expect(try shareMemory(gradient, a.layout.view(slot, of: a.gradients)), "\(slot.path)")
    }
  }

  @Test("direct backward leaves no trace in later gradients")
  func directBackwardEnds() throws {
    let model = try model(3)
    let vector = try ParameterVector(model.trainableParameters)
    let x = try Tensor.normal([4, 6], Generator(seed: 4))
    try vector.backward(model(x).sum())
    let before = try vector.gradients.clone()
    let found = try gradients(of: model(x).sum(), withRespectTo: vector.parameters.map(\.value))
    expectSame(vector.gradients, before)
    expectClose(try Tensor.concatenate(found.map { try $0.flatten() }), before, absolute: 1e-6)
    let unconnected = try Tensor.ones([1])
    expectError(.autograd) { try vector.backward(unconnected.sum()) }
    try model(x).sum().backward()
    expectClose(vector.gradients, try before * 2, absolute: 1e-6)
  }

  // MARK: - Quadratic penalty

  @Test("the quadratic penalty adds its formula", arguments: [1, 7, 100_003])
  func quadraticPenalty(_ count: Int) throws {
    let generator = try Generator(seed: 5)
    let t = try (0..<4).map { _ in try Tensor.normal([count], generator) }
    let expected = try t[0] + 0.75 * (t[2] * t[1] - t[3])
    try t[0].addQuadraticPenalty(parameter: t[1], precision: t[2], weighted: t[3], scale: 0.75)
    expectClose(t[0], expected, absolute: 1e-6)
  }

  @Test("the penalty is the gradient of half the weighted squared distance, summed over anchors")
  func penaltyGradient() throws {
    let generator = try Generator(seed: 6)
    let theta = try Tensor.normal([20], generator)
    let anchors = try (0..<2).map { _ in
      (precision: try Tensor.uniform([20], generator), mean: try Tensor.normal([20], generator))
    }
    try theta.setRequiresGrad(true)
    let penalties = try anchors.map { try ($0.precision * (theta - $0.mean).square()).sum() * 0.5 }
    let expected = try gradients(of: penalties[0] + penalties[1], withRespectTo: [theta])[0]
    let found = try Tensor.zeros([20])
    try found.addQuadraticPenalty(
      parameter: theta.detach(), precision: anchors[0].precision + anchors[1].precision,
      weighted: anchors[0].precision * anchors[0].mean + anchors[1].precision * anchors[1].mean, scale: 1)
    expectClose(found, expected, absolute: 1e-6)
  }

  @Test("vectors that one pass cannot take go the long way, and those that do not fit are errors")
  func penaltyShapes() throws {
    let generator = try Generator(seed: 7)
    let t = try (0..<4).map { _ in try Tensor.normal([6], generator, dtype: .float64) }
    let expected = try t[0] + 2 * (t[2] * t[1] - t[3])
    try t[0].addQuadraticPenalty(parameter: t[1], precision: t[2], weighted: t[3], scale: 2)
    expectClose(t[0], expected)
    let strided = try Tensor.ones([6, 2]).select(0, dim: 1)
    let gradient = try Tensor.zeros([6])
    try gradient.addQuadraticPenalty(
      parameter: strided, precision: Tensor.full([6], 3.0), weighted: Tensor.zeros([6]), scale: 1)
    #expect(try gradient.floats() == [3, 3, 3, 3, 3, 3])
    expectError(.shape) {
      try gradient.addQuadraticPenalty(
        parameter: Tensor.ones([6]), precision: Tensor.ones([5]), weighted: Tensor.ones([6]), scale: 1)
    }
  }

  // MARK: - Gathering pixels

  private func pixels(_ shape: [Int]) throws -> Tensor {
    try Tensor.randomIntegers(0..<256, shape, Generator(seed: 8)).to(.uint8)
  }

  @Test("rows of pixels come out normalised", arguments: [[50, 3, 5, 4], [50, 1, 784], [50, 12]])
  func gather(_ shape: [Int]) throws {
    let data = try pixels(shape)
    let generator = try Generator(seed: 9)
    let (scale, shift) = (try Tensor.normal([shape[1]], generator), try Tensor.normal([shape[1]], generator))
    let index = try Tensor([49, 0, 7, 7, 12])
    let broadcast = [1, shape[1]] + [Int](repeating: 1, count: shape.count - 2)
    let expected =
      try data.indexSelect(index).to(.float32) * scale.reshape(broadcast) + shift.reshape(broadcast)
    expectClose(try data.gatherNormalized(index, scale: scale, shift: shift), expected, absolute: 2e-5)
    let longWay = try data.to(.int16).gatherNormalized(index, scale: scale, shift: shift)
    expectClose(longWay, expected, absolute: 2e-5)
    let strided = try data.flip([0]).flip([0]).transpose(0, 1).contiguous().transpose(0, 1)
    expectClose(try strided.gatherNormalized(index, scale: scale, shift: shift), expected, absolute: 2e-5)
  }

  @Test("places outside the data are index errors that name them", arguments: [-1, 50, Int.max, Int.min])
  func gatherOutOfRange(_ place: Int) throws {
    let data = try pixels([50, 3, 4])
    let (scale, shift) = (try Tensor.ones([3]), try Tensor.zeros([3]))
    expectError(.index, "\(place)", "50") {
      try data.gatherNormalized(Tensor([3, place]), scale: scale, shift: shift)
    }
  }

  @Test("nothing comes from nothing")
  func gatherNothing() throws {
    let (scale, shift, none) = (try Tensor.ones([3]), try Tensor.zeros([3]), try Tensor([Int]()))
    #expect(try pixels([5, 3, 4]).gatherNormalized(none, scale: scale, shift: shift).shape == [0, 3, 4])
    #expect(try pixels([0, 3, 4]).gatherNormalized(none, scale: scale, shift: shift).shape == [0, 3, 4])
    #expect(
      try pixels([5, 3, 0]).gatherNormalized(Tensor([4]), scale: scale, shift: shift).shape == [1, 3, 0])
    #expect(
      try pixels([5, 0, 4]).gatherNormalized(Tensor([4]), scale: none, shift: none).shape == [1, 0, 4])
    expectError(.index) { try pixels([0, 3]).gatherNormalized(Tensor([0]), scale: scale, shift: shift) }
  }

  @Test("scale and shift need one value a channel")
  func gatherChannels() throws {
    let data = try pixels([5, 3, 4])
    expectError(.shape, "3", "2") {
      try data.gatherNormalized(Tensor([0]), scale: Tensor.ones([2]), shift: Tensor.ones([2]))
    }
    expectError(.shape) {
      try data.gatherNormalized(Tensor([0]), scale: Tensor.ones([3]), shift: Tensor.ones([1]))
    }
    expectError(.shape) {
      try pixels([5]).gatherNormalized(Tensor([0]), scale: Tensor.ones([1]), shift: Tensor.ones([1]))
    }
  }
}
