import Testing
import Torch

@testable import Perennial

/// A backbone that counts how often it is asked.
private final class Counted: Module, Backbone {
  final class Count { var passes = 0 }

  let featureCount: Int
  private let layer: Linear
  private let count: Count

  init(_ inputs: Int, _ hidden: Int, _ count: Count, _ generator: Generator) throws {
    featureCount = hidden
    layer = try Linear(inputs, hidden, generator)
    self.count = count
    super.init()
    register("hidden", layer)
  }

  func callAsFunction(_ input: Tensor) throws -> Tensor {
    count.passes += 1
    return try layer(input).relu()
  }
}

@Suite struct MutualLearningTests {
  static func blueprint(_ golden: GoldenTensors, _ index: Int) -> Blueprint {
    Blueprint { random in
      let initial = "initial\(index)"
      let width = try golden["\(initial)/hidden.bias"].count
      let hidden = try Linear(8, width, random.stream("initialization"))
      try hidden.load([
        "weight": golden["\(initial)/hidden.weight"], "bias": golden["\(initial)/hidden.bias"],
      ])
      return Network(
        LayersBackbone(width, ["hidden": hidden, "activation": Activation(.relu)]),
        head: try RowsHead(golden["\(initial)/head.weight"], golden["\(initial)/head.bias"]))
    }
  }

  @Test func everyStepOfThreeNetworksIsTheOneOfPyTorch() throws {
    let golden = try GoldenTensors("mutual_learning")
    var options = MutualLearning.Options()
    (options.temperature, options.weight) = (2, 0.5)
    let mutual = MutualLearning(
      peers: [Self.blueprint(golden, 1), Self.blueprint(golden, 2)], options: options)
    let learner = try Learner(
      Self.blueprint(golden, 0), optimizer: SGD(learningRate: 0.1, momentum: 0.9), strategies: [mutual],
      options: TrainingOptions(batch: 8, length: .epochs(1), keepsOrder: true), pipeline: InputPipeline())
    var losses: [Double] = []
    for index in 0..<2 {
      let examples = try Examples(
        inputs: golden["experience\(index)/inputs"], targets: golden["experience\(index)/labels"])
      try learner.begin(Experience(index: index, name: "\(index)", examples: examples))
      while let session = learner.session, !session.isDone { losses.append(try learner.step()) }
      try learner.end()
      for (place, network) in ([learner.model] + mutual.peers.map(\.network)).enumerated() {
        for (path, value) in try network.stateDictionary() {
          expectNear(
            value, try golden["after\(index).\(place)/\(path)"], relative: 2e-5,
            "network \(place) after \(index): \(path)")
        }
      }
    }
    let expected = try golden["run/losses"].floats()
    #expect(losses.count == expected.count)
    for (ours, theirs) in zip(losses, expected) { expectNear(ours, Double(theirs), within: 2e-5) }
  }

  /// K (K − 1) comparisons, and still one pass of each network; in use the model is alone.
  @Test func aStepOfKNetworksTakesKForwardPasses() throws {
    let stream = try Clusters().stream()
    for peers in 1...3 {
      let count = Counted.Count()
      let blueprint = Blueprint { random in
        let backbone = try Counted(8, 5, count, random.stream("initialization"))
        return Network(backbone, head: try LinearHead(features: 5, random.stream("head")))
      }
      let learner = try Learner(
        blueprint, optimizer: SGD(learningRate: 0.1),
        strategies: [Method.mutualLearning { $0.peers = .copies(peers) }],
        options: TrainingOptions(batch: 8), pipeline: stream.pipeline)
      try learner.begin(stream.experience(0))
      count.passes = 0
      try learner.step()
      #expect(count.passes == peers + 1)
      count.passes = 0
      _ = try learner.predict(stream.test(0).inputs)
      #expect(count.passes == 1)
    }
  }

  static func learner(_ strategies: [any Strategy], _ stream: Perennial.Stream) throws -> Learner {
    try Learner(
      .tiny(batchNorm: true, dropout: 0.2), optimizer: SGD(learningRate: 0.05, momentum: 0.9),
      strategies: strategies, options: TrainingOptions(batch: 8), pipeline: stream.pipeline, seed: 4)
  }

  /// At w = 0 the model learns as if it were alone, up to the rounding of a longer vector of parameters, and so do its
  /// peers, which differ from it and from each other.
  @Test func withoutWeightEveryNetworkLearnsAlone() throws {
    let stream = try Clusters().stream()
    let alone = try Self.learner([], stream)
    try alone.learn(stream)
    let mutual = Method.mutualLearning { ($0.peers, $0.weight) = (.copies(2), 0) }
    let learner = try Self.learner([mutual], stream)
    try learner.learn(stream)
    let expected = try alone.model.stateDictionary()
    for (path, value) in try learner.model.stateDictionary() where value.dtype == .float32 {
      expectNear(value, try #require(expected[path]), relative: 1e-6, path)
    }
    let first = try mutual.peers.map { try $0.network.stateDictionary()["hidden.weight"]?.floats() ?? [] }
    #expect(first.count == 2 && first[0] != first[1])
    #expect(try learner.model.stateDictionary()["hidden.weight"]?.floats() != first[0])
  }

  @Test func whatIsTaughtChangesTheModelAndLeavesNothingInIt() throws {
    let stream = try Clusters().stream()
    let alone = try Self.learner([], stream)
    let learner = try Self.learner([Method.mutualLearning()], stream)
    for one in [alone, learner] { try one.learn(stream) }
    #expect(try learner.weights() != alone.weights())
    #expect(learner.model.parameters.map(\.path) == alone.model.parameters.map(\.path))
  }

  /// Where tasks are told, units of other tasks take no part in what the networks tell each other.
  @Test func onlyTheUnitsOfATaskAreCompared() throws {
    let stream = try Clusters().stream(.taskIncremental)
    let mutual = Method.mutualLearning()
    let learner = try Self.learner([mutual], stream)
    try learner.learn(stream, 2)
    try learner.begin(stream.experience(2))
    let rows = try #require(try mutual.peers[0].network.stateDictionary()["head.weight"])
    try learner.step()
    let gradient = try #require(
      learner.vector.layout.slots.first { $0.path == "mutual-learning/1.head.weight" })
    let slope = try learner.vector.layout.view(gradient, of: learner.vector.gradients)
    #expect(rows.shape[0] == 6)
    #expect(try slope[0..<4].abs().sum().item() == 0)
    #expect(try slope[4..<6].abs().sum().item() > 0)
  }

  static func recipe(_ strategy: String) throws -> Recipe {
    try TinyModality.recipe(["finetune: []", "mutual: [{mutual-learning: \(strategy)}]"])
  }

  @Test func peersOfARecipeAreScoredAndARunGoesOnWithThem() throws {
    let recipe = try Self.recipe("{peers: [mlp, {mlp: {hidden: [3]}}]}")
    try Experiment.check(recipe, modality: TinyModality())
    let events = EventList()
    let bench = try ExperimentTests.Bench(recipe)
    defer { bench.place.remove() }
    let whole = try bench.outcome(#require(try bench.run(events)))
    var scores: [String: [[Double]]] = [:]
    for case .peer(let position, _, let name, let accuracies) in events.events {
      #expect(position.strategy == "mutual" && accuracies.allSatisfy { (0...1).contains($0) })
      scores[name, default: []].append(accuracies)
    }
    #expect(scores.keys.sorted() == ["mutual-learning/1", "mutual-learning/2"])
    #expect(scores.values.allSatisfy { $0.map(\.count) == [1, 2, 3] })
    // Three steps on two classes of six: better than the 1/6 of guessing.
    #expect(scores.values.allSatisfy { ($0.last?.last ?? 0) > 0.2 }, "\(scores)")
    for steps in [9, 10, 13, 17] {
      let other = try ExperimentTests.Bench(recipe)
      defer { other.place.remove() }
      #expect(try other.run(stop: ExperimentTests.after(steps)) == nil)
      #expect(try other.outcome(#require(try other.run())) == whole, "stopped after \(steps) steps")
    }
  }

  @Test(arguments: [
    ("{peers: 0}", "peers: must be at least 1, found `0`"),
    ("{peers: []}", "peers: must be at least 1"),
    ("{peers: {mlp: {}}}", "peers: must be a number of peers or a list of models"),
    ("{temperature: 0}", "temperature: must be above 0"),
    ("{weight: -1}", "weight: must be at least 0"),
    ("{friends: 2}", "friends"),
  ])
  func mistakesAreNamed(options: String, message: String) throws {
    let recipe = try Self.recipe(options)
    let error = #expect(throws: ConfigurationError.self) {
      try Experiment.check(recipe, modality: TinyModality())
    }
    #expect(error.map { "\($0)".contains(message) } ?? false, "\(String(describing: error))")
  }

  @Test func valuesAreRefused() throws {
    let facts = StreamFacts(classes: nil, experiences: 1, scenario: .instanceIncremental)
    #expect(throws: StrategyError.needsClasses("mutual-learning")) {
      try Method.mutualLearning().check(facts)
    }
  }

  @Test func aLearnerWithoutARecipeCannotMakeNamedModels() throws {
    let stream = try Clusters().stream()
    let learner = try Self.learner(
      [Method.mutualLearning { $0.peers = .models([Selection("lenet")]) }], stream)
    #expect(throws: LearnerError.model("lenet")) { try learner.begin(stream.experience(0)) }
  }
}
