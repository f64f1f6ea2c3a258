import Testing
import Torch

@testable import Perennial

/// Prompts and bottlenecks as strategies: against independent values, and what they do in a stream.
@Suite struct PromptTests {
  static func reader() throws -> (Network, TinyReader) {
    let network = try Blueprint.tinyReader().make(RandomStreams(seed: 7))
    return (network, try #require(network.backbone as? TinyReader))
  }

  static func train(_ strategies: [any Strategy], _ scenario: Scenario = .classIncremental, epochs: Int = 30)
    throws
    -> (Learner, Perennial.Stream)
  {
    let source = try Clusters(classes: 6, perClass: 20, width: 8, spread: 0.3).source().asTokens()
    let stream = try StreamPlan(scenario: scenario, experiences: 3).stream(of: source, seed: 1)
    let learner = try Learner(
      .tinyReader(), optimizer: Adam(learningRate: 0.02), strategies: strategies,
      options: TrainingOptions(batch: 8, length: .epochs(epochs)), pipeline: stream.pipeline, seed: 7)
    for index in 0..<stream.count { try learner.learn(stream.experience(index)) }
    return (learner, stream)
  }

  @Test func theNearestKeysAreTheGoldenOnes() throws {
    let golden = try GoldenTensors("prompts")
    let (network, model) = try Self.reader()
    let pool = try PromptPool(
      size: 6, length: 2, selected: 3, isReadOut: true, backbone: network.backbone, model: model,
      Generator(seed: 1))
    try pool.load(["keys": golden["pool/keys"], "prompts": golden["pool/prompts"]])
    try pool.keys.value.setRequiresGrad(true)
    let (places, match) = try pool.nearest(golden["pool/query"])
    #expect(try places.equals(golden["pool/places"]))
    expectNear(match, try golden["pool/match"], relative: 1e-5)
    try match.backward()
    let gradient = try pool.keys.value.gradient
    expectNear(try #require(gradient), try golden["pool/gradient"], relative: 1e-4)
    #expect(pool.promptLength == 6)
  }

  /// A text gets the prompts of its own nearest keys, by what the model makes of it without any.
  @Test func everyTextTakesItsOwnPrompts() throws {
    let (network, model) = try Self.reader()
    let pool = try PromptPool(
      size: 5, length: 2, selected: 2, isReadOut: false, backbone: network.backbone, model: model,
      Generator(seed: 1))
    model.promptSource = pool
    let ids = try Tensor.randomIntegers(0..<16, [7, 8], Generator(seed: 4))
    let query = try noGrad { try model.unprompted { try network.backbone(ids) } }
    let places = try pool.nearest(query).places
    guard case .embeddings(let rows)? = try pool(ids) else {
      Issue.record("a pool gives embeddings")
      return
    }
    for row in 0..<7 {
      let expected = try places[row].integers().map { try pool.prompts.value[$0] }
      expectNear(try rows[row], try Tensor.concatenate(expected), relative: 0)
    }
    #expect(model.promptSource === pool)
  }

  @Test func theNewestPromptIsInFrontAndFolded() throws {
    let golden = try GoldenTensors("prompts")
    let (_, model) = try Self.reader()
    let shelf = PromptShelf(2, projection: 6, for: model)
    let generator = try Generator(seed: 1)
    _ = try shelf.grow(to: 1, generator)
    _ = try shelf.grow(to: 2, generator)
    try shelf.load([
      "0": golden["progressive/first"], "1": golden["progressive/second"],
      "projection1.0.weight": golden["progressive/inner.weight"],
      "projection1.0.bias": golden["progressive/inner.bias"],
      "projection1.2.weight": golden["progressive/outer.weight"],
      "projection1.2.bias": golden["progressive/outer.bias"],
      "projection1.3.weight": golden["progressive/norm.weight"],
      "projection1.3.bias": golden["progressive/norm.bias"],
    ])
    func rows() throws -> Tensor {
      guard case .embeddings(let rows)? = try shelf(Tensor.zeros([1, 3], dtype: .int64)) else {
        return try Tensor.zeros([0])
      }
      return try rows.squeeze(0)
    }
    let both = try rows()
    expectNear(both, try golden["progressive/rows"], relative: 1e-5)
    #expect(shelf.trainableParameters.map(\.path).allSatisfy { $0 == "1" || $0.hasPrefix("projection1.") })
    // A third prompt: the second stays what it was.
    _ = try shelf.grow(to: 3, generator)
    #expect(shelf.promptLength == 6)
    expectNear(try rows().narrow(dim: 0, start: 2, count: 4), both, relative: 1e-6)
    shelf.heard = 2
    expectNear(try rows(), both, relative: 1e-6)
    #expect(shelf.promptLength == 4)
  }

  @Test func aBottleneckIsTheGoldenOne() throws {
    let golden = try GoldenTensors("prompts")
    let generator = try Generator(seed: 1)
    let layer = try Linear(8, 5, generator)
    try layer.load(["weight": golden["bottleneck/weight"], "bias": golden["bottleneck/bias"]])
    let adapter = try BottleneckAdapter(for: layer, width: 3, generator)
    let plain = try layer(golden["bottleneck/inputs"])
    layer.adapters = [adapter]
    expectNear(try layer(golden["bottleneck/inputs"]), plain, relative: 1e-6)
    try adapter.load([
      "down.weight": golden["bottleneck/down.weight"], "down.bias": golden["bottleneck/down.bias"],
      "up.weight": golden["bottleneck/up.weight"], "up.bias": golden["bottleneck/up.bias"],
    ])
    expectNear(try layer(golden["bottleneck/inputs"]), try golden["bottleneck/outputs"], relative: 1e-5)
  }

  @Test func vectorsAreComparedAsTheGoldenOnes() throws {
    let golden = try GoldenTensors("prompts")
    let (student, teacher) = (try golden["embeddings/student"], try golden["embeddings/teacher"])
    expectNear(
      try EmbeddingPrediction().losses(student, teacher), try golden["embeddings/squared"], relative: 1e-5)
    expectNear(
      try EmbeddingPrediction(distance: .cosine).losses(student, teacher), try golden["embeddings/angle"],
      relative: 1e-5)
    let sums = try EmbeddingPrediction().sums(student, teacher)
    #expect(try sums == [golden["embeddings/hits"].item(), 6] && sums[0] < 6)
    #expect(try EmbeddingPrediction().sums(teacher, teacher) == [6, 6])
    let head = FeatureHead(features: 4)
    #expect(throws: TorchError.self) { try head.grow(to: 5, Generator(seed: 1)) }
  }

  /// What stands in front learns, the model does not, bit for bit.
  @Test(arguments: ["prompt-tuning", "prefix-tuning", "progressive-prompts", "l2p", "bottleneck"])
  func theModelRests(name: String) throws {
    let (learner, stream) = try Self.train([StrategyRegistry.make(Selection(name))], epochs: 2)
    let fresh = try Blueprint.tinyReader().make(RandomStreams(seed: 7))
    for (own, other) in zip(learner.model.backbone.parameters, fresh.backbone.parameters) {
      #expect(try own.parameter.value.data() == other.parameter.value.data())
    }
    let kinds = Set(learner.vector.layout.slots.map { $0.path.split(separator: ".")[0] })
    #expect(kinds == [Substring(name), "head"])
    #expect(try learner.predict(stream.test(0).inputs).shape == [10, 6])
  }

  /// Told the task, nothing is forgotten: what a task was learned with does not change.
  @Test func progressivePromptsForgetNothing() throws {
    let source = try Clusters(classes: 6, perClass: 20, width: 8, spread: 0.3).source().asTokens()
    let stream = try StreamPlan(scenario: .taskIncremental, experiences: 3).stream(of: source, seed: 1)
    let learner = try Learner(
      .tinyReader(), optimizer: Adam(learningRate: 0.02), strategies: [Method.progressive()],
      options: TrainingOptions(batch: 8, length: .epochs(10)), pipeline: stream.pipeline, seed: 7)
    var first: Tensor?
    let inputs = try stream.test(0).inputs
    for index in 0..<3 {
      try learner.learn(stream.experience(index))
      let now = try learner.predict(inputs, task: 0).narrow(dim: 1, start: 0, count: 2)
      if let first { expectNear(now, first, relative: 1e-5) } else { first = now }
    }
  }

  /// Penalties and importances see what learns, and nothing of the resting model.
  @Test(arguments: ["ewc: {lambda: 5}", "si: {}", "mas: {}"]) func importancesAreThoseOfAdapters(text: String)
    throws
  {
    let second = try StrategyRegistry.make(Selection(ConfigurationNode(yaml: text, source: "test")))
    let stream = try Setting.plain.stream()
    let learner = try Setting.plain.learner([Method.lora(), second], stream: stream)
    try learner.learn(stream, 2)
    #expect(
      learner.vector.layout.slots.allSatisfy { $0.path.hasPrefix("lora.") || $0.path.hasPrefix("head.") })
    let largest = try second.state().tensors.values.map(\.count).max() ?? 0
    #expect(largest > 0 && largest <= learner.vector.count)
    let plain = try Setting.plain.learner([Method.lora()], stream: stream)
    try plain.learn(stream, 2)
    #expect(try learner.weights() != plain.weights())
  }

  @Test func whatCannotWorkIsRefused() throws {
    let stream = try Clusters().stream()
    for name in ["prompt-tuning", "prefix-tuning", "progressive-prompts", "l2p"] {
      let error = #expect(throws: StrategyError.self, "\(name)") {
        try Setting.plain.learner([StrategyRegistry.make(Selection(name))], stream: stream)
      }
      #expect("\(try #require(error))".contains("reads no tokens"))
    }
    let blocks = #expect(throws: StrategyError.self) {
      try Setting.plain.learner([Method.bottleneck()], stream: stream)
    }
    #expect("\(try #require(blocks))".contains("name layers in `targets`"))
    #expect(throws: StrategyError.self) {
      try Setting.texts.learner([PromptTuning(), PrefixTuning()], stream: Setting.texts.stream())
    }
    for text in [
      "l2p: {selected: 11}", "l2p: {pool: 0}", "l2p: {pull: -1}", "prompt-tuning: {length: 0}",
      "prefix-tuning: {projection: 0}", "progressive-prompts: {projection: -1}", "bottleneck: {width: 0}",
      "bottleneck: {placement: pfeiffer, targets: [hidden]}",
    ] {
      #expect(throws: ConfigurationError.self, "\(text)") {
        try StrategyRegistry.make(Selection(ConfigurationNode(yaml: text, source: "test")))
      }
    }
  }
}
