import Testing
import Torch

@Suite("Modules")
struct ModuleTests {
  /// Two weights of its own around a child, registered in another order than declared.
  private final class Block: Module {
    let last: Parameter
    let first: Parameter
    let inner: Sequential

    init(_ generator: Generator) throws {
      last = Parameter(try Tensor.zeros([2]), kind: .mask)
      first = Parameter(try Tensor.ones([3]), kind: .adapter)
      inner = Sequential([try Linear(3, 2, generator), Activation(.relu), try BatchNorm(2)])
      super.init()
      register("inner", inner)
      register("first", first)
      register("last", last)
      register("nothing", Parameter?.none)
    }
  }

  @Test("paths follow registration: own parameters, then the children's")
  func paths() throws {
    let block = try Block(Generator(seed: 0))
    #expect(
      block.parameters.map(\.path) == [
        "first", "last", "inner.0.weight", "inner.0.bias", "inner.2.weight", "inner.2.bias",
        "inner.2.running_mean", "inner.2.running_var", "inner.2.num_batches_tracked",
      ])
    #expect(block.trainableParameters.map(\.path).suffix(2) == ["inner.2.weight", "inner.2.bias"])
    #expect(block.parameterCount == 3 + 2 + 6 + 2 + 2 + 2)
    #expect(block.parameters.map(\.parameter.kind).prefix(3) == [.adapter, .mask, .weight])
    block.first.isTrainable = false
    #expect(block.parameterCount == 14)
  }

  @Test("training and evaluation mode reach every child, and come back after errors")
  func modes() throws {
    let block = try Block(Generator(seed: 0))
    #expect(block.isTraining && block.inner.layers[2].isTraining)
    block.evaluate()
    #expect(!block.isTraining && !block.inner.isTraining && !block.inner.layers[2].isTraining)
    block.train()
    #expect(block.inner.layers[2].isTraining)
    expectError(.other, "on purpose") {
      try block.evaluating {
        #expect(!block.inner.layers[2].isTraining)
        throw TorchError(.other, "on purpose")
      }
    }
    #expect(block.isTraining && block.inner.layers[2].isTraining)
  }

  @Test("a state dictionary is a copy, and loading it gives the same outputs")
  func roundTrip() throws {
    let source = try Block(Generator(seed: 1))
    let state = try source.stateDictionary()
    let other = try Block(Generator(seed: 2))
    let x = try Tensor.normal([5, 3], Generator(seed: 3))
    other.evaluate()
    source.evaluate()
    #expect(try !other.inner(x).equals(source.inner(x)))
    try other.load(state)
    expectSame(try other.inner(x), try source.inner(x))
    try noGrad { try source.first.value.fill(9) }
    #expect(try other.first.value.floats() == [1, 1, 1])
    #expect(try state["first"]?.floats() == [1, 1, 1])
  }

  @Test("strict loading names everything that does not fit, and changes nothing")
  func strict() throws {
    let block = try Block(Generator(seed: 1))
    var state = try block.stateDictionary()
    state["inner.0.bias"] = nil
    state["inner.2.weight"] = nil
    state["z"] = try Tensor.zeros([1])
    state["extra.bias"] = try Tensor.zeros([1])
    state["inner.0.weight"] = try Tensor.zeros([3, 2])
    state["first"] = try Tensor.zeros([3])
    let mismatch = #expect(throws: StateMismatch.self) { try block.load(state) }
    #expect(mismatch?.missing == ["inner.0.bias", "inner.2.weight"])
    #expect(mismatch?.unused == ["extra.bias", "z"])
    #expect(mismatch?.misshaped == ["inner.0.weight is [3, 2], not [2, 3]"])
    #expect(
      mismatch?.description
        == "the weights do not fit the model: missing: inner.0.bias, inner.2.weight; "
        + "not part of the model: extra.bias, z; of another shape: inner.0.weight is [3, 2], not [2, 3]")
    #expect(try block.first.value.floats() == [1, 1, 1])
  }

  @Test("loading that is not strict only lets unknown names pass")
  func lenient() throws {
    let layer = try Linear(2, 2, Generator(seed: 0))
    var state = try layer.stateDictionary()
    state["extra"] = try Tensor.zeros([1])
    try layer.load(state, strict: false)
    state["bias"] = nil
    let mismatch = #expect(throws: StateMismatch.self) { try layer.load(state, strict: false) }
    #expect(mismatch?.missing == ["bias"])
    #expect(mismatch?.unused == [])
  }

  @Test("a name that is taken twice is refused, among a module's own and beside children without a name")
  func takenNames() throws {
    let generator = try Generator(seed: 0)
    func module(_ parts: (Module) throws -> Void) throws -> Module {
      let (whole, part) = (Module(), Module())
      try parts(part)
      whole.register("part", part)
      return whole
    }
    let twoParameters = try module {
      $0.register("scale", Parameter(try Tensor.ones([1])))
      $0.register("scale", Parameter(try Tensor.ones([1])))
    }
    let twoModules = try module {
      $0.register("fc", try Linear(2, 2, generator))
      $0.register("fc", Activation(.relu))
    }
    let both = try module {
      $0.register("fc", Parameter(try Tensor.ones([1])))
      $0.register("fc", Activation(.relu))
    }
    let beside = try module {
      $0.register("", try Linear(2, 2, generator))
      $0.register("weight", Parameter(try Tensor.ones([1])))
    }
    for (module, name) in [
      (twoParameters, "part.scale"), (twoModules, "part.fc"), (both, "part.fc"), (beside, "part.weight"),
    ] {
      expectError(.other, "two", name) { try module.stateDictionary() }
      expectError(.other, "two", name) { try module.load([:]) }
    }
    expectError(.other, "part.scale") { try ParameterVector(twoParameters.trainableParameters) }
    expectError(.other, "part.weight") { try ParameterVector(beside.trainableParameters) }
  }

  @Test("a shared module is saved once, under its first path, and rests if one of its paths is named")
  func shared() throws {
    let layer = try Linear(2, 2, Generator(seed: 0))
    let model = Sequential([layer, Activation(.relu), layer])
    #expect(model.parameters.map(\.path) == ["0.weight", "0.bias"])
    let state = try model.stateDictionary()
    #expect(state.keys.sorted() == ["0.bias", "0.weight"])
    try model.load(state)
    for path in ["0.weight", "2.weight"] {
      model.freeze { $0 == path }
      #expect(model.trainableParameters.map(\.path) == ["0.bias"], "\(path)")
    }
    model.freeze { _ in false }
    #expect(model.trainableParameters.count == 2)
  }

  @Test("a sequence names its layers by number and applies them in order")
  func sequential() throws {
    let generator = try Generator(seed: 4)
    let (a, b) = (try Linear(3, 4, generator), try Linear(4, 2, generator))
    let double = Lambda { try $0 * 2 }
    let model = Sequential([a, double, b])
    #expect(model.parameters.map(\.path) == ["0.weight", "0.bias", "2.weight", "2.bias"])
    let x = try Tensor.normal([2, 3], generator)
    expectSame(try model(x), try b(a(x) * 2))
  }
}

@Suite("Layers that draw or count")
struct StatefulLayerTests {
  @Test("dropout drops its share, scales the rest, and draws from its own stream")
  func dropout() throws {
    let layer = Dropout(0.25, try Generator(seed: 5))
    let x = try Tensor.ones([100, 100])
    let first = try layer(x)
    let values = try first.floats()
    #expect(values.allSatisfy { $0 == 0 || abs($0 - 4 / 3) < 1e-6 })
    #expect(abs(Double(values.filter { $0 == 0 }.count) / 10_000 - 0.25) < 0.02)
    #expect(try !layer(x).equals(first))
    expectSame(try Dropout(0.25, Generator(seed: 5))(x), first)
    layer.evaluate()
    expectSame(try layer(x), x)
    #expect(try Dropout(1, Generator(seed: 5))(x).equals(x.zerosLike()))
  }

  @Test("every place of a mask is as likely to be dropped, and the expectation is exact")
  func dropoutShare() throws {
    let generator = try Generator(seed: 3)
    let x = try Tensor.ones([250_001, 4])
    for probability in [0.1, 0.5, 0.9] {
      let dropped = try (x.dropout(probability, generator) .== 0).to(.float64)
      let spread = (probability * (1 - probability) / 250_001).squareRoot()
      for share in try dropped.mean([0]).floats() { #expect(abs(Double(share) - probability) < 5 * spread) }
      // Neighbours come from the same draw.
      let both = try (dropped.narrow(dim: 1, start: 0, count: 1) * dropped.narrow(dim: 1, start: 1, count: 1))
        .mean().item()
      #expect(abs(both - probability * probability) < 5 * probability / 500)
    }
    for shape in [[1], [3], [], [2, 0]] {
      let few = try Tensor.ones(shape).dropout(0.1, generator)
      #expect(few.shape == shape)
      #expect(try few.floats().allSatisfy { $0 == 0 || $0 == Float(65536.0 / 58982) })
    }
    #expect(try x.dropout(0, generator).equals(x))
    #expect(throws: TorchError.self) { try x.dropout(1.5, generator) }
  }

  @Test("the gradient of dropout is its mask")
  func dropoutGradient() throws {
    let x = try Tensor.normal([50], Generator(seed: 1))
    try x.setRequiresGrad(true)
    let y = try x.dropout(0.5, Generator(seed: 2))
    let gradient = try gradients(of: y.sum(), withRespectTo: [x])[0]
    expectClose(y, try x * gradient)
  }

  @Test("batch normalisation counts batches in training only")
  func batches() throws {
    let layer = try BatchNorm(3)
    let x = try Tensor.normal([4, 3], Generator(seed: 1))
    _ = try layer(x)
    _ = try layer(x)
    #expect(try layer.batches.value.itemInt() == 2)
    layer.evaluate()
    let before = try layer.runningMean.value.clone()
    _ = try layer(x)
    #expect(try layer.batches.value.itemInt() == 2)
    expectSame(layer.runningMean.value, before)
  }

  @Test("a batch of one value a channel is refused before it turns the running variance into NaN")
  func singleValue() throws {
    let layer = try BatchNorm(3)
    expectError(.shape, "[1, 3]") { try layer(Tensor.zeros([1, 3])) }
    #expect(try layer.runningVariance.value.floats() == [1, 1, 1])
    #expect(try layer.batches.value.itemInt() == 0)
    #expect(try layer(Tensor.zeros([1, 3, 2, 1])).shape == [1, 3, 2, 1])
    layer.evaluate()
    #expect(try layer(Tensor.zeros([1, 3])).shape == [1, 3])
  }

  @Test("a padding vector starts at zero and is not moved")
  func embeddingPadding() throws {
    let layer = try Embedding(4, 3, padding: 1, Generator(seed: 0))
    #expect(try layer.weight.value[1].floats() == [0, 0, 0])
    let vector = try ParameterVector(layer.trainableParameters)
    try vector.backward(layer(Tensor([1, 1, 2])).sum())
    #expect(try vector.gradients.floats() == [0, 0, 0, 0, 0, 0, 1, 1, 1, 0, 0, 0])
    expectError(.index) { try layer(Tensor([4])) }
    expectError(.index) { try Embedding(4, 3, padding: 4, Generator(seed: 0)) }
  }
}
