import Testing
import Torch

@testable import Perennial

/// What strategies are shown at boundaries inside an experience.
final class BoundarySpy: Strategy {
  let name = "boundary-spy"
  var learned: [Set<Int>] = [[]]
  var ended: [(shown: Set<Int>, learned: Set<Int>, isTraining: Bool, experience: Set<Int>)] = []
  var begun = 0

  func observe(_ step: Step) throws {
    let places = step.batch.places
    learned[learned.count - 1].formUnion(try step.batch.source.identifiers.indexSelect(places).integers())
  }

  func begin(_ experience: Experience, _ learner: Learner) throws { begun += 1 }

  func end(_ experience: Experience, _ learner: Learner) throws {
    let shown = Set(try learner.session?.examples.identifiers.integers() ?? [])
    ended.append(
      (
        shown, learned.last ?? [], learner.model.isTraining,
        Set(try experience.examples.identifiers.integers())
      ))
    learned.append([])
  }
}

@Suite struct BoundaryTests {
  static func boundaries(_ change: (inout DriftBoundaries.Options) -> Void) throws -> DriftBoundaries {
    var options = DriftBoundaries.Options()
    change(&options)
    return try DriftBoundaries(options)
  }

  /// The mistake of estimating at a boundary on the whole experience: most of it is still to come.
  @Test(arguments: Setting.allCases.filter { $0 != .blurredSteps })
  func mistakeEndingWithExamplesStillToCome(setting: Setting) throws {
    let stream = try setting.stream()
    let spy = BoundarySpy()
    let learner = try setting.learner([Self.boundaries { $0.every = 2 }, spy], stream: stream)
    try learner.learn(stream)
    #expect(spy.ended.count > stream.count && spy.begun == spy.ended.count)
    for look in spy.ended {
      #expect(look.shown == look.learned, "exactly what was learned since the last boundary")
      #expect(look.experience == look.learned)
      #expect(!look.isTraining, "in evaluation mode, as at any end")
    }
    #expect(learner.boundaries.count == spy.ended.count - stream.count)
  }

  @Test func strategiesGoOnInTrainingMode() throws {
    let stream = try Setting.dropoutAndNorm.stream()
    let learner = try Setting.dropoutAndNorm.learner([], stream: stream)
    try learner.begin(stream.experience(0))
    try learner.step()
    try learner.consolidate()
    #expect(learner.model.isTraining && learner.session?.step == 1 && learner.boundaries == [1])
    try learner.consolidate()
    #expect(learner.boundaries == [1], "nothing was learned since")
    try learner.end()
    #expect(throws: LearnerError.noSession) { try learner.consolidate() }
  }

  /// Labels that mean nothing at first, and something later.
  @Test func anImprovementIsNoBoundaryUnlessAskedFor() throws {
    let source = try Clusters(classes: 2, perClass: 600, spread: 0.4).source()
    let noise = RandomStreams(seed: 1).numbers("labels")
    let labels = try source.train.targets.integers().enumerated().map { index, label in
      index < 600 ? Int(noise.next() % 2) : label
    }
    let experience = try Experience(
      index: 0, name: "all", examples: source.train.with(targets: Tensor(labels)))
    func found(_ onlyWorse: Bool) throws -> Int {
      let strategy = try Self.boundaries { $0.onlyWorse = onlyWorse }
      let learner = try Learner(
        .tiny(), optimizer: SGD(learningRate: 0.05), strategies: [strategy],
        options: TrainingOptions(batch: 8, keepsOrder: true), pipeline: source.pipeline, seed: 3)
      try learner.learn(experience)
      return strategy.found
    }
    #expect(try found(true) == 0)
    #expect(try found(false) > 0)
  }

  /// Three concepts one after the other, a tenth of each among those of its neighbours: nobody tells where one ends.
  @Test(arguments: ["adwin", "ddm", "page-hinkley"])
  func changesOfABlurredStreamAreFound(detector: String) throws {
    let clusters = Clusters(classes: 6, perClass: 480)
    let stream = try clusters.stream(.classIncremental) { $0.blur = 0.2 }
    let parts = try (0..<3).map { try stream.experience($0).examples }
    #expect(try parts[0].identifiers.integers().contains { $0 % 6 > 1 }, "the first concept is not pure")
    let whole = try Examples(
      inputs: Tensor.concatenate(parts.map(\.inputs)), targets: Tensor.concatenate(parts.map(\.targets)))
    func boundaries(_ examples: Examples) throws -> [Int] {
      let strategy = try Self.boundaries { $0.detector = Selection(detector) }
      let learner = try Learner(
        .tiny(), optimizer: SGD(learningRate: 0.02), strategies: [strategy],
        options: TrainingOptions(batch: 8, keepsOrder: true), pipeline: stream.pipeline, seed: 3)
      try learner.learn(Experience(index: 0, name: "all", examples: examples))
      #expect(learner.session == nil && learner.totalSteps == 360)
      return learner.boundaries
    }
    // A concept is 120 steps long.
    let found = try boundaries(whole)
    for change in [120, 240] {
      #expect(found.contains { (change + 1...change + 40).contains($0) }, "\(found)")
    }
    #expect(found.allSatisfy { $0 > 120 } && found.count <= 3, "\(found)")
    // The same examples in random order change nowhere.
    let mixed = try whole.select(Tensor.permutation(whole.count, Generator(seed: 1)).integers())
    #expect(try boundaries(mixed) == [])
  }

  @Test func whatIsWorthlessIsDropped() throws {
    let stream = try Setting.plain.stream()
    let replay = Method.replay()
    var counts: [Int] = []
    let learner = try Setting.plain.learner(
      [
        Self.boundaries { ($0.every, $0.restart) = (2, .memory) }, replay,
        Spy { _ in counts.append(replay.memory?.count ?? -1) },
      ],
      stream: stream)
    try learner.learn(stream, 1)
    #expect(counts == [8, 13, 8], "full again only after a boundary empties it")
    let weights = try Setting.plain.learner(
      [Self.boundaries { ($0.every, $0.restart) = (2, .weights) }], stream: stream)
    try weights.learn(stream, 1)
    let plain = try Setting.plain.learner([], stream: stream)
    try plain.learn(stream, 1)
    #expect(try weights.weights() != plain.weights())
  }

  @Test func combinationsThatCannotWorkAreRefused() throws {
    let strategy = try Self.boundaries { _ in }
    func facts(_ names: [String], classes: Int? = 3) -> StreamFacts {
      StreamFacts(classes: classes, experiences: 2, scenario: .instanceIncremental, strategies: names)
    }
    #expect(throws: StrategyError.self) { try strategy.check(facts(["drift-boundaries", "joint"])) }
    #expect(throws: StrategyError.self) { try strategy.check(facts(["ewc", "drift-boundaries"])) }
    #expect(throws: StrategyError.self) { try strategy.check(facts(["drift-boundaries"], classes: nil)) }
    try strategy.check(facts(["drift-boundaries", "ewc"]))
    try Self.boundaries { $0.signal = .loss }.check(facts(["drift-boundaries"], classes: nil))
  }
}
