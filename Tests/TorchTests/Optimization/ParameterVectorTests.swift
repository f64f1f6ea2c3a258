import Foundation
import Testing

@testable import Torch

@Suite("The flat parameter vector")
struct ParameterVectorTests {
  private func model() throws -> Sequential {
    let generator = try Generator(seed: 1)
    return Sequential([
      try Conv2d(2, 3, kernel: 3, generator), Activation(.relu), Flatten(), try Linear(12, 4, generator),
    ])
  }

  @Test("parameters are views of the vector, in order, without gaps, and keep their values")
  func views() throws {
    let model = try model()
    let before = try model.stateDictionary()
    let vector = try ParameterVector(model.trainableParameters)
    #expect(vector.count == 3 * 2 * 9 + 3 + 48 + 4)
    #expect(vector.values.shape == [vector.count] && vector.gradients.shape == [vector.count])
    #expect(vector.layout.slots.map(\.path) == ["0.weight", "0.bias", "3.weight", "3.bias"])
    #expect(vector.layout.slots.map(\.offset) == [0, 54, 57, 105])
    for (path, parameter) in model.parameters {
      expectSame(try parameter.value.detach().contiguous(), try #require(before[path]), path)
      #expect(try parameter.value.requiresGrad && parameter.value.isLeaf)
    }
    try noGrad { try vector.values.fill(7) }
    for (path, parameter) in model.parameters {
      #expect(try parameter.value.floats().allSatisfy { $0 == 7 }, "\(path)")
    }
    try noGrad { try model.parameters[1].parameter.value.fill(-1) }
    #expect(try vector.values.sum().item() == Double(7 * (vector.count - 3) - 3))
  }

  @Test("gradients arrive in the vector, add up, and are cleared")
  func gradientsArrive() throws {
    let model = try model()
    let vector = try ParameterVector(model.trainableParameters)
    let x = try Tensor.normal([5, 2, 4, 4], Generator(seed: 2))
    let separate = try gradients(of: model(x).square().sum(), withRespectTo: vector.parameters.map(\.value))
    try vector.backward(model(x).square().sum())
    for (slot, gradient) in zip(vector.layout.slots, separate) {
      expectClose(try vector.layout.view(slot, of: vector.gradients), gradient, absolute: 2e-5, slot.path)
    }
    let once = try vector.gradients.clone()
    try vector.backward(model(x).square().sum())
    expectClose(vector.gradients, try once * 2, absolute: 5e-5)
    try vector.zeroGradients()
    #expect(try vector.gradientNorm() == 0)
    #expect(try vector.parameters[0].value.gradient?.norm().item() == 0)
  }

  @Test("channels-last weights keep their memory order, and their values")
  func channelsLast() throws {
    let weight = Parameter(try Tensor.normal([3, 2, 3, 3], Generator(seed: 3)).channelsLast())
    let before = try weight.value.clone()
    let vector = try ParameterVector([("w", weight)])
    #expect(vector.layout.slots[0].strides == [18, 1, 6, 2])
    #expect(weight.value.strides == [18, 1, 6, 2])
    expectSame(try weight.value.detach().contiguous(), try before.contiguous())
    expectSame(vector.values, try before.permute([0, 2, 3, 1]).flatten())
    expectSame(
      try vector.layout.view(vector.layout.slots[0], of: vector.snapshot()).contiguous(),
      try before.contiguous())
  }

  @Test("strides with holes or overlaps become row-major")
  func holes() throws {
    let base = try Tensor.normal([4, 6], Generator(seed: 4))
    let sliced = Parameter(try base.slice(dim: 1, from: 0, to: 6, by: 2))
    let stretched = Parameter(try base[0..<1].expand([4, 6]))
    let turned = Parameter(try base.T)
    let values = try [sliced, stretched, turned].map { try $0.value.contiguous() }
    let vector = try ParameterVector([("a", sliced), ("b", stretched), ("c", turned)])
    #expect(vector.layout.slots.map(\.strides) == [[3, 1], [6, 1], [1, 6]])
    for (parameter, value) in zip(vector.parameters, values) {
      expectSame(try parameter.value.detach().contiguous(), value)
    }
  }

  @Test("scalars, empty tensors and no parameters at all")
  func small() throws {
    let none = try ParameterVector([])
    #expect(none.count == 0 && none.layout.count == 0)
    #expect(try none.gradientNorm() == 0)
    let vector = try ParameterVector([
      ("empty", Parameter(Tensor.zeros([0, 3]))), ("scalar", Parameter(Tensor.scalar(Float(5)))),
      ("one", Parameter(Tensor.ones([1, 1]))),
    ])
    #expect(try vector.values.floats() == [5, 1])
    #expect(vector.parameters[0].value.shape == [0, 3] && vector.parameters[1].value.shape == [])
  }

  @Test("two parameters of one path or tensor, one parameter under two paths, and other types are refused")
  func refused() throws {
    let (a, b) = (Parameter(try Tensor.ones([1])), Parameter(try Tensor.ones([1])))
    expectError(.other, "head.weight") { try ParameterVector([("head.weight", a), ("head.weight", b)]) }
    expectError(.other, "encoder", "decoder") { try ParameterVector([("encoder", a), ("decoder", a)]) }
    let twin = Parameter(a.value)
    expectError(.other, "encoder", "decoder", "one tensor") {
      try ParameterVector([("encoder", a), ("decoder", twin)])
    }
    expectError(.dtype, "mean", "float64") {
      try ParameterVector([("mean", Parameter(Tensor.ones([1], dtype: .float64)))])
    }
  }

  @Test("a shared parameter has one place, which gathers the gradients of all its uses")
  func shared() throws {
    let generator = try Generator(seed: 1)
    let (one, other) = (try Linear(3, 3, generator), try Linear(3, 3, generator))
    let model = Module()
    model.register("one", one)
    model.register("again", one)
    model.register("other", other)
    let vector = try ParameterVector(model.trainableParameters)
    #expect(vector.layout.slots.map(\.path) == ["one.weight", "one.bias", "other.weight", "other.bias"])
    #expect(vector.count == 24 && model.parameterCount == 24 && model.learnedCount == 24)
    let x = try Tensor.normal([5, 3], generator)
    let separate = try gradients(
      of: other(one(one(x))).square().sum(), withRespectTo: vector.parameters.map(\.value))
    try vector.backward(other(one(one(x))).square().sum())
    for (slot, gradient) in zip(vector.layout.slots, separate) {
      expectClose(try vector.layout.view(slot, of: vector.gradients), gradient, absolute: 2e-5, slot.path)
    }
  }

  @Test("a snapshot does not follow the vector")
  func snapshot() throws {
    let vector = try ParameterVector([("a", Parameter(Tensor.ones([3])))])
    let snapshot = try vector.snapshot()
    try noGrad { try vector.values.fill(2) }
    #expect(try snapshot.floats() == [1, 1, 1])
  }

  // MARK: - Clipping

  @Test("clipping is PyTorch's", arguments: ["norm", "norm_large", "value"])
  func clipping(_ name: String) throws {
    let golden = try Golden("optimizers")
    let problem = golden["problem"]
    let vector = try ParameterVector([
      ("weight", Parameter(problem["start.weight"])), ("bias", Parameter(problem["start.bias"])),
    ])
    for slot in vector.layout.slots {
      try vector.layout.view(slot, of: vector.gradients).copy(from: problem["gradient.\(slot.path)"][0])
    }
    let expected = golden["clip_\(name)"]
    switch name {
    case "value": try vector.clipGradientValues(0.4)
    default:
      let norm = try vector.clipGradientNorm(name == "norm" ? 1 : 100)
      #expect(try abs(norm / expected["norm"].item() - 1) < 1e-5)
    }
    for slot in vector.layout.slots {
      expectClose(try vector.layout.view(slot, of: vector.gradients), try expected[slot.path], slot.path)
    }
  }

  // MARK: - Growth

  private func vector(_ shapes: [(String, [Int])], channelsLast: Bool = false) throws -> ParameterVector {
    try ParameterVector(
      shapes.map { path, shape in
        let value = try Tensor.zeros(shape)
        return (path, Parameter(channelsLast && shape.count == 4 ? try value.channelsLast() : value))
      })
  }

  @Test("what a grown head knew stays at its place, and what is new is zero")
  func carry() throws {
    let old = try vector([("body", [2, 2]), ("head.weight", [2, 3]), ("head.bias", [2])]).layout
    let new = try vector([("extra", [2]), ("head.weight", [4, 3]), ("head.bias", [4]), ("body", [2, 2])])
      .layout
    let carried = try new.carry(Tensor(Array(1...12).map(Float.init)), from: old)
    #expect(
      try carried.floats() == [
        0, 0, 5, 6, 7, 8, 9, 10, 0, 0, 0, 0, 0, 0, 11, 12, 0, 0, 1, 2, 3, 4,
      ])
    #expect(try old.carry(carried, from: new).floats() == Array(1...12).map(Float.init))
  }

  @Test("growth keeps places when the memory order differs")
  func carryStrides() throws {
    let old = try vector([("w", [2, 2, 2, 2])], channelsLast: true).layout
    let new = try vector([("w", [3, 2, 3, 2])]).layout
    let values = try Tensor(Array(1...16).map(Float.init))
    let carried = try new.view(new.slots[0], of: new.carry(values, from: old))
    let before = try old.view(old.slots[0], of: values)
    expectSame(try carried[0..<2].narrow(dim: 2, start: 0, count: 2).contiguous(), try before.contiguous())
    #expect(try carried.sum().item() == values.sum().item())
  }

  @Test("another rank or another path starts at zero; other lengths are refused; the type stays")
  func carryMismatch() throws {
    let old = try vector([("a", [4]), ("b", [2])]).layout
    let new = try vector([("a", [2, 2]), ("c", [2])]).layout
    let carried = try new.carry(Tensor.ones([6], dtype: .float64), from: old)
    #expect(carried.dtype == .float64)
    #expect(try carried.sum().item() == 0)
    expectError(.shape, "6", "[5]") { try new.carry(Tensor.ones([5]), from: old) }
  }

  @Test("a layout survives JSON, and one with a path twice does not crash")
  func coding() throws {
    let layout = try vector([("w", [3, 2, 3, 3]), ("b", [3])], channelsLast: true).layout
    let json = try JSONEncoder().encode(layout)
    #expect(try JSONDecoder().decode(VectorLayout.self, from: json) == layout)
    let twice = VectorLayout(slots: layout.slots + layout.slots)
    let values = try Tensor.normal([layout.count], Generator(seed: 1))
    expectSame(try layout.carry(values, from: twice), values)
  }
}
