import Testing
import Torch

@testable import Perennial

/// New classes and facts without a gradient, and facts that no longer hold.
@Suite struct NearestNeighboursTests {
  static func accuracy(_ learner: Learner, _ stream: Perennial.Stream) throws -> Double {
    try Evaluator(stream).look(at: learner).scores.map(\.score).reduce(0, +) / Double(stream.count)
  }

  @Test(arguments: [nil, NeighbourGraph.Options()])
  func newClassesAreLearnedWithoutAGradient(index: NeighbourGraph.Options?) throws {
    let stream = try Clusters(spread: 0.3).stream()
    func learner(_ strategies: [any Strategy]) throws -> Learner {
      try Learner(
        Blueprint.tiny().withFrozenBackbone(), optimizer: SGD(learningRate: 0), strategies: strategies,
        options: TrainingOptions(batch: 8, length: .steps(1)), pipeline: stream.pipeline, seed: 4)
    }
    let strategy = Method.knn { ($0.memory, $0.index) = (100, index) }
    let (with, without) = try (learner([strategy]), learner([]))
    for one in [with, without] { try one.learn(stream) }
    #expect(try Self.accuracy(with, stream) > 0.95)
    #expect(try Self.accuracy(without, stream) < 0.5)
    #expect(strategy.memory?.count == 72 && strategy.replayBytes > 72 * 16 * 3)
  }

  @Test func factsArePutInReplacedAndWithdrawnInUse() throws {
    let stream = try Clusters(spread: 0.3).stream(experiences: 1)
    let strategy = Method.knn { ($0.memory, $0.neighbours, $0.scope) = (100, 1, 0.05) }
    let learner = try Learner(
      .tiny(), optimizer: Adam(learningRate: 0.01), strategies: [strategy],
      options: TrainingOptions(batch: 8, length: .epochs(15)), pipeline: stream.pipeline, seed: 4)
    try learner.learn(stream)
    try strategy.forget(Array(0..<72))
    #expect(strategy.memory?.count == 0)
    let test = try stream.test(0)
    func said() throws -> [Int] {
      try learner.predict(test.inputs).argmax(1).integers().map { learner.classes.labels[$0] }
    }
    let before = try said()
    #expect(try zip(before, test.targets.integers()).count { $0 == $1 } > 27)
    // A new answer to every fifth question; the others keep theirs.
    let places = Array(stride(from: 0, to: 30, by: 5))
    let questions = try test.inputs.indexSelect(Tensor(places))
    func answers(_ shift: Int) -> [Int] { places.map { (before[$0] + shift) % 6 } }
    func expect(_ shift: Int?, _ what: Comment) throws {
      let now = try said()
      #expect(places.map { now[$0] } == answers(shift ?? 0), what)
      let others = (0..<30).filter { !places.contains($0) }
      #expect(others.map { now[$0] } == others.map { before[$0] }, what)
    }
    let identifiers = Array(900..<906)
    try strategy.remember(questions, labels: answers(1), identifiers: identifiers, learner)
    try expect(1, "new facts")
    try strategy.remember(questions, labels: answers(2), identifiers: identifiers, learner)
    #expect(strategy.memory?.count == 6)
    try expect(2, "facts that were replaced")
    try strategy.forget(identifiers + [12345])
    try expect(nil, "facts that were withdrawn")
    #expect(throws: LearnerError.unknownLabel(77)) {
      try strategy.remember(
        questions, labels: [Int](repeating: 77, count: 6), identifiers: identifiers, learner)
    }
  }

  @Test func onlyTheTasksOwnItemsVote() throws {
    let stream = try Clusters(spread: 2).stream(.taskIncremental)
    let strategy = Method.knn { ($0.memory, $0.neighbours) = (100, 30) }
    let learner = try Setting.tasks.learner([strategy], stream: stream)
    try learner.learn(stream)
    let shares = try learner.predict(stream.test(1).inputs, task: 1).exp()
    let own = try #require(learner.classes.tasks[1])
    let theirs = try shares.indexSelect(Tensor(own), dim: 1).sum([1])
    #expect(try theirs.amin([0]).item() > 0.999)
  }

  @Test func tokensAreForTheOther() throws {
    let tokens = StreamFacts(classes: nil, experiences: 2, scenario: .domainIncremental)
    let classes = StreamFacts(classes: 4, experiences: 2, scenario: .classIncremental)
    #expect(throws: StrategyError.self) { try NearestNeighbours().check(tokens) }
    #expect(throws: StrategyError.self) { try NeighbourLanguageModel().check(classes) }
    try NearestNeighbours().check(classes)
    try NeighbourLanguageModel().check(tokens)
  }

  @Test(arguments: [
    "{knn: {neighbours: 0}}", "{knn: {temperature: 0}}", "{knn: {share: 1.5}}", "{knn: {scope: -1}}",
    "{knn: {index: {links: 1}}}", "{knn: {index: {breadth: 0}}}", "{knn: {eviction: oldest}}",
    "{knn-lm: {memory: 0}}",
  ])
  func wrongOptionsAreNamed(text: String) throws {
    let selection = try Selection(ConfigurationNode(yaml: text, source: "test"))
    #expect(throws: ConfigurationError.self) { try StrategyRegistry.make(selection) }
  }
}

/// Data in versions: what later examples take the place of.
@Suite struct ReplacedExampleTests {
  /// Three versions of four facts: fact 0 changes in each, fact 1 in the second, fact 2 is added there, fact 3 in the third.
  static func stream() throws -> Perennial.Stream {
    let facts = [0, 1, 0, 1, 2, 0, 3]
    let inputs = try Tensor.eye(4).indexSelect(Tensor(facts)) * 3
    let examples = try Examples(inputs: inputs, targets: Tensor([0, 1, 2, 3, 0, 1, 2]))
    let versions = [0, 0, 1, 1, 1, 2, 2]
    // Something of the first version must hold to the end: an example of its own.
    func and(_ more: Tensor, _ column: Tensor) throws -> Tensor { try Tensor.concatenate([column, more]) }
    let all = try Examples(
      inputs: and(Tensor.full([1, 4], -3), examples.inputs), targets: and(Tensor([1]), examples.targets))
    let source = try DataSource(
      name: "facts", train: all, test: all, pipeline: InputPipeline(),
      groups: DataGroups(
        names: ["one", "two", "three"], train: versions + [0], test: versions + [0],
        replaced: .init(
          train: [nil, nil, 0, 1, nil, 2, nil, nil], test: [1, 1, 2, nil, nil, nil, nil, nil])))
    return try StreamPlan(scenario: .classIncremental, experiences: 3).stream(of: source, seed: 0)
  }

  @Test func testSetsAreWhatHoldsByThen() throws {
    let stream = try Self.stream()
    func asked(_ index: Int, _ learned: Int?) throws -> [Int] {
      try stream.test(index, after: learned).identifiers.integers()
    }
    #expect(stream.replacesTests)
    #expect(try asked(0, 0) == [0, 1, 7] && asked(0, 1) == [7] && asked(0, nil) == [7])
    #expect(try asked(1, 0) == [2, 3, 4] && asked(1, 1) == [2, 3, 4] && asked(1, 2) == [3, 4])
    #expect(try asked(2, 0) == [5, 6])
    #expect(try (0..<3).map { try stream.experience($0).withdrawn } == [[], [0, 1], [2]])
  }

  /// An example that is erased from a saved state is in none of its bytes, and the memory goes on without it.
  @Test(arguments: [nil, NeighbourGraph.Options()])
  func erasedExamplesAreGoneFromSavedMemories(index: NeighbourGraph.Options?) throws {
    let stream = try Self.stream()
    func learner() throws -> (Learner, NearestNeighbours) {
      let knn = Method.knn { $0.index = index }
      let learner = try Learner(
        .tiny(inputs: 4), optimizer: Adam(learningRate: 0.01), strategies: [knn],
        options: TrainingOptions(batch: 4, length: .epochs(1)), pipeline: stream.pipeline, seed: 4)
      return (learner, knn)
    }
    let (first, _) = try learner()
    try first.learn(stream.experience(0))
    var state = try first.state()
    #expect(try state.erase([1, 99]) == 1)
    let (second, knn) = try learner()
    try second.restore(state, experience: nil, past: { try stream.experience($0) })
    #expect(try knn.memory?.identifiers.integers() == [0, 7])
    #expect(try state.erase([1]) == 0)
    _ = try second.predict(stream.test(0).inputs)
    let saved = try second.state()
    #expect(saved.tensors.contains { $0.key.hasSuffix("graph") } == (index != nil))
  }

  @Test func memoriesGiveUpWhatNoLongerHolds() throws {
    let stream = try Self.stream()
    let replay = Method.replay { $0.memory = 20 }
    let knn = Method.knn { $0.scope = 0.01 }
    let learner = try Learner(
      // Keys are of features that do not move.
      Blueprint.tiny(inputs: 4).withFrozenBackbone(), optimizer: Adam(learningRate: 0.01),
      strategies: [replay, knn],
      options: TrainingOptions(batch: 4, length: .epochs(1)), pipeline: stream.pipeline, seed: 4)
    let evaluator = Evaluator(stream)
    var seen: [[Double]] = []
    for index in 0..<3 {
      try learner.learn(stream.experience(index))
      seen.append(try evaluator.look(at: learner, after: index).scores.prefix(index + 1).map(\.score))
    }
    #expect(seen == [[1], [1, 1], [1, 1, 1]], "the memory knows what holds")
    #expect(try Set(knn.memory?.identifiers.integers() ?? []) == [3, 4, 5, 6, 7])
    let kept = try replay.memory?.examples
    let rehearsed = try #require(kept).identifiers.integers()
    #expect(Set(rehearsed).isDisjoint(with: [0, 1, 2]) && rehearsed.contains(3))
  }

  @Test func jointTrainingLearnsWhatHolds() throws {
    let stream = try Self.stream()
    let spy = Spy()
    let learner = try Learner(
      .tiny(inputs: 4), optimizer: Adam(learningRate: 0.01), strategies: [Joint.cumulative(), spy],
      options: TrainingOptions(batch: 4, length: .epochs(1)), pipeline: stream.pipeline, seed: 4)
    for index in 0..<2 { try learner.learn(stream.experience(index)) }
    try learner.begin(stream.experience(2))
    #expect(try #require(learner.session).examples.identifiers.integers().sorted() == [3, 4, 5, 6, 7])
  }

  @Test func versionsKeepTheirOrder() throws {
    let source = try Self.stream().source
    for change: (inout StreamPlan) -> Void in [{ $0.classOrder = .seeded }, { $0.blur = 0.2 }] {
      var plan = StreamPlan(scenario: .classIncremental, experiences: 3)
      change(&plan)
      #expect(throws: StreamError.self) { try plan.stream(of: source, seed: 0) }
    }
  }
}
