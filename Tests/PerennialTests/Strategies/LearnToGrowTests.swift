import Testing
import Torch

@testable import Perennial

@Suite struct LearnToGrowTests {
  private static func backbone(_ generator: Generator) throws -> LayersBackbone {
    try LayersBackbone(
      4,
      [
        "a": Linear(6, 5, generator), "first": Activation(.relu), "b": Linear(5, 4, generator),
        "second": Activation(.relu),
      ])
  }

  private static func layers(_ rank: Int = 2) throws -> GrownLayers {
    let random = RandomStreams(seed: 5)
    func fresh() throws -> LayersBackbone { try backbone(random.stream("initialization")) }
    return try GrownLayers(fresh(), adapter: rank, random, fresh: fresh)
  }

  /// Scores that decide for an option of each layer.
  private static func scores(_ layers: GrownLayers, _ chosen: [Int]) throws -> [Tensor] {
    try layers.startSearch()
    return try zip(try #require(layers.search).scores, chosen).map { scores, option in
      try Tensor((0..<scores.value.count).map { Float($0 == option ? 9 : 0) })
    }
  }

  /// `[reused…, adapted…, fresh]` of each layer, mixed by softmax, as the formula says.
  @Test func theSearchMixesWhatEveryLayerCouldDo() throws {
    let layers = try Self.layers()
    try layers.expand()
    try layers.startSearch([Tensor([0.5, -1, 2]), Tensor([0, 1, 0.3])])
    let random = try Generator(seed: 3)
    // Adapters begin at 0 and would not be seen.
    for (path, parameter) in layers.parameters where path.hasSuffix(".up") {
      try noGrad { try parameter.value.copy(from: Tensor.normal(parameter.value.shape, random)) }
    }
    let all = Dictionary(uniqueKeysWithValues: layers.parameters.map { ($0.path, $0.parameter.value) })
    func value(_ path: String) throws -> Tensor { try #require(all[path], "\(path) of \(all.keys.sorted())") }
    let input = try Tensor.normal([7, 6], random)
    var x = input
    for (index, (name, shares)) in [("a", [0.5, -1, 2]), ("b", [0, 1, 0.3])].enumerated() {
      let p = try Tensor(shares.map(Float.init)).softmax(0)
      let own = try x.linear(value("\(name).weight"), bias: value("\(name).bias"))
      let inner = try x.linear(value("grown.\(index).0+1.down"))
      let adapted = try own + inner.linear(value("grown.\(index).0+1.up"))
      let fresh = try x.linear(value("grown.\(index).1.weight"), bias: value("grown.\(index).1.bias"))
      x = try own.relu() * p[0] + adapted.relu() * p[1] + fresh.relu() * p[2]
    }
    expectNear(try layers(input), x)
    layers.selected = 0
    let first = try input.linear(value("a.weight"), bias: value("a.bias")).relu()
      .linear(value("b.weight"), bias: value("b.bias")).relu()
    expectNear(try layers(input), first)
  }

  /// Reports counted the head alone once, because no layer's own call computes these products.
  @Test func whatAnAnswerTakesIsCounted() throws {
    let layers = try Self.layers()
    let input = try Tensor.ones([1, 6])
    #expect(try noGrad { try Runtime.multiplyAdds { _ = try layers(input) } } == 6 * 5 + 5 * 4)
  }

  /// Weights and scores after five steps, beside PyTorch's autograd and optimizers.
  @Test func theSearchMatchesTheReference() throws {
    let golden = try GoldenTensors("learn_to_grow")
    var options = LearnToGrow.Options()
    (options.search, options.adapter, options.size, options.rate) = (0.9, 2, 0.3, 0.05)
    let strategy = LearnToGrow(options)
    let learner = try Learner(
      Blueprint { random in
        let generator = try random.stream("initialization")
        return Network(try Self.backbone(generator), head: try LinearHead(features: 4, generator))
      }, optimizer: SGD(learningRate: 0.1), strategies: [strategy],
      options: TrainingOptions(batch: 12, length: .steps(100)), pipeline: InputPipeline(), seed: 1)
    let inputs = try golden["task/inputs"]
    let labels = try golden["task/labels"]
    for task in 0..<2 {
      try learner.begin(
        Experience(
          index: task, name: "\(task)", examples: Examples(inputs: inputs, targets: labels + 2 * task),
          task: task))
      if task == 0 { try learner.end() }
    }
    let layers = try #require(learner.model.backbone as? GrownLayers)
    let start = golden.all("start")
    try noGrad {
      for (path, parameter) in learner.model.parameters where parameter.kind != .buffer {
        try parameter.value.copy(from: #require(start[path], "\(path)"))
      }
      for (layer, scores) in try #require(layers.search).scores.enumerated() {
        try scores.value.copy(from: #require(start["scores\(layer)"]))
      }
    }
    expectNear(try layers.expectedGrowth(), try golden["task/growth"])
    for _ in 0..<5 { try learner.step() }
    let end = golden.all("end")
    for (path, parameter) in learner.model.parameters where parameter.kind != .buffer {
      // The first task's rows of the head rest as they were before the weights above were put in place.
      func own(_ tensor: Tensor) throws -> Tensor {
        parameter.kind == .head ? try tensor.narrow(dim: 0, start: 2, count: 2) : tensor
      }
      expectNear(try own(parameter.value), try own(#require(end[path])), path)
    }
    for (layer, scores) in try #require(layers.search).scores.enumerated() {
      expectNear(scores.value, try #require(end["scores\(layer)"]), "scores \(layer)")
    }
  }

  @Test func theExpectedGrowthIsTheShareOfAFreshModel() throws {
    let layers = try Self.layers()
    try layers.expand()
    // Layers of 35 and 24 values; adapters of 2 units of 22 and 18.
    try layers.startSearch([Tensor([Float(0), 0, 30]), Tensor([Float(0), 30, 0])])
    expectNear(try layers.expectedGrowth().item(), (35.0 + 18) / 59, within: 1e-5)
    try layers.startSearch([Tensor([Float(30), 0, 0]), Tensor([Float(0), 0, 0])])
    expectNear(try layers.expectedGrowth().item(), (18.0 + 24) / 3 / 59, within: 1e-5)
  }

  @Test func whatIsNotChosenGoesAndWhatIsChosenCanBeTakenUpAgain() throws {
    let layers = try Self.layers()
    let before = layers.learnedCount
    try layers.expand()
    try layers.startSearch(Self.scores(layers, [1, 2]))
    try layers.decide()
    #expect(try layers.structure(of: 1) == [.init(weights: 0, adapter: 1), .init(weights: 1)])
    #expect(layers.learnedCount == before + 2 * 6 + 5 * 2 + 24)
    #expect(
      Set(layers.trainableParameters.map(\.path)) == [
        "grown.0.0+1.down", "grown.0.0+1.up", "grown.1.1.weight", "grown.1.1.bias",
      ])
    // A third task reuses the second's adapter and weights: nothing is added, and nothing below the head learns.
    try layers.expand()
    try layers.startSearch()
    let options = try #require(layers.search).options
    #expect(
      options[0] == [
        .init(weights: 0), .init(weights: 0, adapter: 1), .init(weights: 0, adapter: 2), .init(weights: 2),
      ])
    #expect(
      options[1] == [
        .init(weights: 0), .init(weights: 1), .init(weights: 0, adapter: 2), .init(weights: 1, adapter: 2),
        .init(weights: 2),
      ])
    try layers.startSearch(Self.scores(layers, [1, 1]))
    try layers.decide()
    #expect(try layers.structure(of: 2) == layers.structure(of: 1))
    #expect(layers.learnedCount == before + 2 * 6 + 5 * 2 + 24)
    #expect(layers.trainableParameters.isEmpty)
  }

  /// In the middle of a search, after one, and after one that added nothing.
  @Test func aCheckpointBringsTheStructureBack() throws {
    let layers = try Self.layers()
    let input = try Tensor.normal([3, 6], Generator(seed: 1))
    func expectSame() throws {
      let copy = try Self.layers()
      try copy.load(layers.stateDictionary())
      #expect(copy.trainableParameters.map(\.path) == layers.trainableParameters.map(\.path))
      for place in 0..<layers.count {
        (layers.selected, copy.selected) = (place, place)
        #expect(try copy(input).data() == layers(input).data())
      }
      (layers.selected, copy.selected) = (nil, nil)
    }
    for chosen in [[1, 2], [1, 1], [4, 0]] {
      try layers.expand()
      try expectSame()
      try layers.startSearch(Self.scores(layers, chosen))
      try layers.decide()
      try expectSame()
    }
  }

  /// What the layers do for a second task, and what the model answers to its test items.
  private static func second(_ size: Double, _ inputs: (Tensor) throws -> Tensor) throws -> (
    structure: [LayerOperator], accuracy: Double
  ) {
    let random = try Generator(seed: 2)
    let map = try Linear(8, 3, random)
    func examples(_ count: Int, task: Int) throws -> Examples {
      try noGrad {
        let seen = try Tensor.normal([count, 8], random)
        let told = try map(task == 0 ? seen : inputs(seen)).argmax(1)
        return try Examples(inputs: seen, targets: told + 3 * task)
      }
    }
    var options = LearnToGrow.Options()
    (options.search, options.rate, options.size) = (0.5, 0.05, size)
    let learner = try Learner(
      Blueprint { random in
        let generator = try random.stream("initialization")
        let backbone = try LayersBackbone(
          16,
          [
            "a": Linear(8, 16, generator), "first": Activation(.relu), "b": Linear(16, 16, generator),
            "second": Activation(.relu),
          ])
        return Network(backbone, head: try LinearHead(features: 16, random.stream("head")))
      }, optimizer: Adam(learningRate: 0.01), strategies: [LearnToGrow(options)],
      options: TrainingOptions(batch: 50, length: .steps(400)), pipeline: InputPipeline(), seed: 4)
    for task in 0..<2 {
      try learner.learn(
        Experience(index: task, name: "\(task)", examples: examples(1000, task: task), task: task))
    }
    let test = try examples(500, task: 1)
    let units = try learner.classes.units(for: test.targets)
    let answers = try learner.asking(task: 1) {
      try learner.mask(
        learner.model(test.inputs),
        learner.batch(of: test, Tensor.arange(0, 500), task: 1, isAugmented: false)
      ).argmax(1)
    }
    let layers = try #require(learner.model.backbone as? GrownLayers)
    return (try layers.structure(of: 1), try (answers .== units).to(.float32).mean().item())
  }

  /// The first task has nothing to choose from, and learns as without the strategy.
  @Test func theFirstTaskIsFineTuning() throws {
    func weights(_ strategies: [any Strategy]) throws -> [String: [UInt8]] {
      let stream = try Clusters().stream(.taskIncremental)
      let learner = try Learner(
        .tiny(), optimizer: Adam(learningRate: 0.02), strategies: strategies,
        options: TrainingOptions(batch: 8, length: .epochs(2)), pipeline: stream.pipeline, seed: 7)
      try learner.learn(stream.experience(0))
      return try learner.weights().filter { $0.key != "choices" }
    }
    #expect(try weights([LearnToGrow()]) == weights([]))
  }

  /// Where labels take turns, every second place is one class.
  @Test func bothHalvesHaveEveryClass() throws {
    let inputs = try Tensor.zeros([8, 2])
    let halves = try LearnToGrow.halves(
      of: Examples(inputs: inputs, targets: Tensor([0, 1, 0, 1, 0, 1, 0, 1])))
    #expect(try halves.array(of: Float.self) == [0, 0, 1, 1, 0, 0, 1, 1])
  }

  @Test func aTaskThatIsFinishedCannotLearnOn() throws {
    let stream = try Clusters().stream(.taskIncremental)
    let learner = try Learner(
      .tiny(), optimizer: Adam(learningRate: 0.02), strategies: [LearnToGrow()],
      options: TrainingOptions(batch: 8), pipeline: stream.pipeline, seed: 7)
    for index in [0, 1, 1] { try learner.learn(stream.experience(index)) }
    #expect(throws: StrategyError.cannotReturn("learn-to-grow", task: 0)) {
      try learner.learn(stream.experience(0))
    }
  }

  @Test func aTaskLikeTheFirstReusesItsLayers() throws {
    let (structure, accuracy) = try Self.second(0.1) { $0 }
    #expect(structure == [.init(weights: 0), .init(weights: 0)])
    #expect(accuracy > 0.9)
  }

  /// The second task looks at what the first did not have to tell apart.
  @Test func anotherTaskDoesNot() throws {
    let (structure, accuracy) = try Self.second(0.01) { try $0.square() * 2 - 2 }
    #expect(structure[0] != .init(weights: 0))
    #expect(accuracy > 0.8)
  }
}
