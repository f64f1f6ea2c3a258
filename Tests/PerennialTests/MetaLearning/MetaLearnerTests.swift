import Testing
import Torch

@testable import Perennial

/// Gradients through gradient steps, against `Scripts/golden/meta.py`.
@Suite struct MetaLearnerTests {
  static func network(_ name: String, _ golden: GoldenTensors) throws -> Network {
    let generator = try Generator(seed: 1)
    let features = name == "mlp" ? 7 : 18
    let backbone: LayersBackbone
    if name == "mlp" {
      backbone = LayersBackbone(7, ["0": try Linear(4, 7, relu: true, generator)])
    } else {
      let convolution = try Conv2d(1, 2, kernel: 3, stride: 2, padding: 1, generator)
      backbone = LayersBackbone(
        18,
        [
          "0": convolution, "1": try BatchNorm(2), "2": Activation(.relu),
          "3": Lambda { try $0.flatten(from: 1) },
        ])
    }
    let head = try LinearHead(features: features, outputs: 3, generator)
    let network = Network(backbone, head: head, headName: name == "mlp" ? "2" : "4")
    var state = try network.stateDictionary()
    for (path, tensor) in golden.all(name) { state[path] = tensor }
    try network.load(state)
    return network
  }

  static func episode(_ name: String, _ golden: GoldenTensors) throws -> Episode {
    try Episode(
      support: golden["\(name)_episode/support"], supportTargets: golden["\(name)_episode/support_targets"],
      queries: golden["\(name)_episode/queries"], queryTargets: golden["\(name)_episode/query_targets"])
  }

  static func learner(
    _ name: String, _ golden: GoldenTensors, _ algorithm: MetaLearner.Algorithm
  ) throws -> MetaLearner {
    var options = MetaLearner.Options()
    (options.algorithm, options.steps, options.innerRate) = (algorithm, 2, 0.3)
    return try MetaLearner(network(name, golden), optimizer: SGD(learningRate: 0.1), options: options)
  }

  static let cases: [(MetaLearner.Algorithm, String)] = [
    (.maml, "maml"), (.firstOrderMAML, "first"), (.reptile, "reptile"),
  ]

  /// Second order goes through linear layers, convolutions and batch statistics.
  @Test(arguments: ["mlp", "convnet"], cases)
  func theMetaGradientIsTheGoldenOne(name: String, kind: (MetaLearner.Algorithm, String)) throws {
    let golden = try GoldenTensors("meta")
    let learner = try Self.learner(name, golden, kind.0)
    let before = try learner.vector.snapshot()
    let (gradient, loss) = try learner.metaGradient(Self.episode(name, golden))
    #expect(loss.isFinite)
    for slot in learner.vector.layout.slots {
      // A bias before batch normalisation has no effect; what is left of it is rounding.
      if name == "convnet", slot.path == "0.bias" { continue }
      expectNear(
        try learner.vector.layout.view(slot, of: gradient), try golden["\(name)_\(kind.1)/\(slot.path)"],
        relative: name == "mlp" ? 1e-5 : 1e-4, "\(slot.path)")
    }
    #expect(try learner.vector.snapshot().equals(before), "asking for a gradient moved the weights")
  }

  /// Dropping the second derivatives is another algorithm, and must not happen by itself.
  @Test func firstOrderIsNotSecondOrder() throws {
    let golden = try GoldenTensors("meta")
    let episode = try Self.episode("mlp", golden)
    let second = try Self.learner("mlp", golden, .maml).metaGradient(episode).gradient
    let first = try Self.learner("mlp", golden, .firstOrderMAML).metaGradient(episode).gradient
    #expect(try (second - first).abs().amax([]).item() > 0.01)
  }

  /// The fused linear layer derives its own backward pass, with ReLU and by both matrix libraries.
  @Test(arguments: [LinearBackend.blas, .oneDNN], [false, true])
  func linearLayersCanBeDerivedTwice(backend: LinearBackend, relu: Bool) throws {
    let generator = try Generator(seed: 3)
    let (x, w, b) = try (
      Tensor.normal([5, 4], generator), Tensor.normal([3, 4], generator), Tensor.normal([3], generator)
    )
    func second(_ layer: (Tensor, Tensor, Tensor) throws -> Tensor) throws -> [Tensor] {
      let leaves = try [x, w, b].map { try $0.clone() }
      for leaf in leaves { try leaf.setRequiresGrad(true) }
      let value = try layer(leaves[0], leaves[1], leaves[2]).pow(3).sum()
      let slopes = try gradients(of: value, withRespectTo: leaves, createGraph: true)
      let norm = try slopes.reduce(Tensor.zeros([])) { try $0 + $1.square().sum() }
      return try gradients(of: norm, withRespectTo: leaves)
    }
    let ours = try second { try $0.linear($1, bias: $2, relu: relu, backend: backend) }
    let plain = try second {
      let y = try $0.matmul($1.T) + $2
      return relu ? try y.relu() : y
    }
    for (one, other) in zip(ours, plain) { expectNear(one, other) }
  }

  @Test func adaptingLeavesTheWeightsAndRaisesTheScore() throws {
    let source = try Clusters(classes: 12, perClass: 12, spread: 0.4).source()
    let train = try EpisodeSampler(
      source.train, pipeline: source.pipeline, classes: Set(0..<8), ways: 3, shots: 2, queries: 4)
    let test = try EpisodeSampler(
      source.train, pipeline: source.pipeline, classes: Set(8..<12), ways: 3, shots: 2, queries: 4)
    for algorithm in MetaLearner.Algorithm.allCases {
      var options = MetaLearner.Options()
      (options.algorithm, options.innerRate, options.steps) = (algorithm, 0.1, 3)
      let network = try Blueprint.tiny().make(RandomStreams(seed: 1))
      try network.head.grow(to: 3, Generator(seed: 1))
      let optimizer: any Optimizer =
        algorithm == .reptile ? try SGD(learningRate: 0.5) : try Adam(learningRate: 0.01)
      let learner = try MetaLearner(network, optimizer: optimizer, options: options)
      func score() throws -> Double {
        let random = RandomStreams(seed: 5).numbers("test")
        let before = try learner.vector.snapshot()
        let mean = try (0..<40).reduce(0.0) { sum, _ in try sum + learner.score(test.draw(random)) / 40 }
        #expect(try learner.vector.snapshot().equals(before))
        return mean
      }
      let before = try score()
      let random = RandomStreams(seed: 6).numbers("train")
      for _ in 0..<60 { try learner.step([train.draw(random), train.draw(random)]) }
      let after = try score()
      // Reptile follows the mean of the adapted weights, which takes many more steps than these.
      #expect(
        algorithm == .reptile ? after > before + 0.05 : after > 0.8, "\(algorithm): \(before) to \(after)")
    }
  }

  @Test func episodesHaveDifferentClassesAndDifferentItems() throws {
    let inputs = try Tensor.arange(0, 60).to(.float32).unsqueeze(1)
    let examples = try Examples(inputs: inputs, targets: Tensor((0..<60).map { $0 % 6 }))
    let sampler = try EpisodeSampler(
      examples, pipeline: InputPipeline(), classes: [0, 1, 2, 4], ways: 3, shots: 2, queries: 3)
    #expect(sampler.classes == 4)
    let random = RandomStreams(seed: 1).numbers("episodes")
    for _ in 0..<20 {
      let episode = try sampler.draw(random)
      let items = try episode.support.floats() + episode.queries.floats()
      #expect(Set(items).count == 15)
      let units = try episode.supportTargets.integers() + episode.queryTargets.integers()
      var classOf: [Int: Int] = [:]
      for (item, unit) in zip(items, units) {
        #expect(classOf[unit, default: Int(item) % 6] == Int(item) % 6)
        classOf[unit] = Int(item) % 6
      }
      #expect(Set(classOf.values).count == 3 && !classOf.values.contains(3) && !classOf.values.contains(5))
    }
    #expect(throws: EpisodeError.classes(4, needed: 5)) {
      try EpisodeSampler(examples, pipeline: InputPipeline(), classes: [0, 1, 2, 4], ways: 5)
    }
    #expect(throws: EpisodeError.examples(10, needed: 12)) {
      try EpisodeSampler(examples, pipeline: InputPipeline(), ways: 2, shots: 2, queries: 10)
    }
  }
}
