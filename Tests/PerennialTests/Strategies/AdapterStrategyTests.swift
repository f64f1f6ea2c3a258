import Testing
import Torch

@testable import Perennial

/// Adapters as strategies: what rests, what is heard, and who is asked.
@Suite struct AdapterStrategyTests {
  static func train(_ strategies: [any Strategy], epochs: Int = 30) throws -> (Learner, Perennial.Stream) {
    let stream = try Clusters(classes: 6, perClass: 20, width: 8, spread: 0.3).stream()
    let learner = try Learner(
      .tiny(), optimizer: Adam(learningRate: 0.02), strategies: strategies,
      options: TrainingOptions(batch: 8, length: .epochs(epochs)), pipeline: stream.pipeline, seed: 7)
    for index in 0..<stream.count { try learner.learn(stream.experience(index)) }
    return (learner, stream)
  }

  static func accuracy(_ learner: Learner, _ stream: Perennial.Stream) throws -> Double {
    let scores = try Evaluator(stream).look(at: learner).scores
    return scores.reduce(0) { $0 + $1.score } / Double(scores.count)
  }

  /// What is beside the backbone learns, the backbone does not, bit for bit.
  @Test(arguments: ["lora", "o-lora", "lora-per-task"])
  func theBackboneRests(name: String) throws {
    let (learner, _) = try Self.train([StrategyRegistry.make(Selection(name))], epochs: 2)
    let fresh = try Blueprint.tiny().make(RandomStreams(seed: 7))
    for (own, other) in zip(learner.model.backbone.parameters, fresh.backbone.parameters) {
      #expect(try own.parameter.value.data() == other.parameter.value.data())
    }
    let learned = learner.model.trainableParameters.filter { $0.parameter.kind == .adapter }
    #expect(!learned.isEmpty)
    #expect(
      try learned.contains { try $0.parameter.value.abs().amax([]).item() > 0 && $0.path.contains("lora_B") })
  }

  /// The first forward pass gives what the backbone alone gives.
  @Test func nothingChangesAtFirst() throws {
    let stream = try Clusters().stream()
    let plain = try Setting.plain.learner([], stream: stream)
    let inputs = try stream.test(0).inputs
    for variant in LowRankVariant.allCases {
      let learner = try Setting.plain.learner([Method.lora { $0.variant = variant }], stream: stream)
      expectNear(try learner.model.features(inputs), try plain.model.features(inputs), relative: 1e-6)
    }
  }

  /// Nobody tells the task, and yet nothing is forgotten; one adapter for all forgets.
  @Test func classMeansTellWhoIsAsked() throws {
    let (routed, stream) = try Self.train([AdapterPerTask()])
    #expect(try Self.accuracy(routed, stream) > 0.9)
    let (one, _) = try Self.train([LowRankAdaptation()])
    #expect(try Self.accuracy(one, stream) < 0.5)
  }

  /// The backbone learns the first experience as without adapters, and none of the others.
  @Test func theFirstSessionIsTheBackbones() throws {
    let stream = try Clusters(classes: 6, perClass: 20, width: 8, spread: 0.3).stream()
    let adapters = Method.perTask { $0.firstSession = true }
    func values(_ learner: Learner) throws -> [[UInt8]] {
      try learner.model.backbone.parameters.filter { $0.parameter.kind != .adapter }
        .map { try Array($0.parameter.value.data()) }
    }
    let (learner, plain) = (
      try Setting.plain.learner([adapters], stream: stream), try Setting.plain.learner([], stream: stream)
    )
    let fresh = try values(learner)
    try learner.learn(stream.experience(0))
    try plain.learn(stream.experience(0))
    let learned = try values(learner)
    #expect(learned == (try values(plain)) && learned != fresh)
    for index in 1..<stream.count { try learner.learn(stream.experience(index)) }
    #expect(try values(learner) == learned)
    let sizes = try adapters.shelf(learner).sets.map { set in
      try set.places.reduce(0) { $0 + (try $1.adapter.up.weight.value.abs().sum().item()) }
    }
    #expect(sizes[0] == 0 && sizes[1] > 0 && sizes[2] > 0)
    // What the first experience taught is in all that came later.
    let examples = try (0..<2).map { try stream.experience($0).examples.identifiers.integers()[0] }
    #expect(try adapters.shards(after: [examples[0]], learner) == nil)
    #expect(try adapters.shards(after: [examples[1]], learner) == [1])
  }

  /// Asked for the first task, the model is the backbone that learned it, also where adapters have lengths.
  @Test(arguments: LowRankVariant.allCases) func theFirstTaskIsAnsweredByTheBackbone(variant: LowRankVariant)
    throws
  {
    let stream = try Clusters(classes: 6, perClass: 20, width: 8, spread: 0.3).stream()
    let learner = try Setting.plain.learner(
      [Method.perTask { ($0.firstSession, $0.variant) = (true, variant) }], stream: stream)
    let plain = try Setting.plain.learner([], stream: stream)
    try learner.learn(stream.experience(0))
    try plain.learn(stream.experience(0))
    let inputs = try stream.test(0).inputs
    try learner.learn(stream.experience(1))
    expectNear(
      try learner.asking(task: 0) { try learner.model.features(inputs) }, try plain.model.features(inputs),
      relative: 1e-5)
  }

  /// New directions are kept apart from old ones: without the penalty they overlap more.
  @Test func newDirectionsAreOrthogonal() throws {
    func overlap(_ weight: Double) throws -> Double {
      let (learner, _) = try Self.train([Method.olora { $0.orthogonality = weight }], epochs: 10)
      let shelf: AdapterShelf = try learner.model.attached("o-lora")
      #expect(shelf.sets.count == 3)
      return try OrthogonalAdaptation.overlap(shelf.sets[2], with: shelf.sets.dropLast()).item()
    }
    let (apart, free) = (try overlap(0.5), try overlap(0))
    #expect(apart < 0.2 * free)
  }

  /// The penalty as the authors' code has it: the sum of all entries' sizes.
  @Test func theOverlapIsTheSumOfAllEntries() throws {
    let network = try Blueprint.tiny().make(RandomStreams(seed: 1))
    var configuration = LowRankConfiguration()
    configuration.rank = 2
    let generator = try Generator(seed: 5)
    let sets = try (0..<3).map { _ in
      try AdapterSet(
        configuration, beside: network.backbone.layers(for: configuration), generator, dropoutMasks: generator
      )
    }
    func rows(_ set: AdapterSet) throws -> [[Double]] {
      let weight = set.places[0].adapter.down.weight.value
      return try (0..<2).map { row in try (0..<8).map { try weight[row][$0].item() } }
    }
    var expected = 0.0
    for past in sets[..<2] {
      for a in try rows(past) {
        for b in try rows(sets[2]) { expected += abs(zip(a, b).reduce(0) { $0 + $1.0 * $1.1 }) }
      }
    }
    expectNear(
      try OrthogonalAdaptation.overlap(sets[2], with: sets[..<2]).item(), expected, within: 1e-5 * expected)
  }

  @Test func whatCannotWorkIsRefused() throws {
    let stream = try Clusters().stream()
    let error = #expect(throws: StrategyError.self) {
      try Setting.plain.learner([Method.lora { $0.targets = ["q_proj"] }], stream: stream)
    }
    let message = "\(try #require(error))"
    #expect(message.contains("`q_proj`") && message.contains("hidden"))
    for text in [
      "lora: {rank: 0}", "lora: {alpha: 0}", "lora: {dropout: 1}", "o-lora: {variant: dora}",
      "o-lora: {orthogonality: -1}", "lora: {variant: qlora}",
    ] {
      #expect(throws: ConfigurationError.self, "\(text)") {
        try StrategyRegistry.make(Selection(ConfigurationNode(yaml: text, source: "test")))
      }
    }
  }
}
