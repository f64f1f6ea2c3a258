import Testing
import Torch

@testable import Perennial

@Suite struct ExemplarSelectionTests {
  /// Algorithm 4 of iCaRL as it is written, one candidate at a time.
  static func herdingAsWritten(_ features: [[Double]], count: Int) -> [Int] {
    let width = features[0].count
    let mean = (0..<width).map { d in features.reduce(0) { $0 + $1[d] } / Double(features.count) }
    var (chosen, sum): ([Int], [Double]) = ([], [Double](repeating: 0, count: width))
    for k in 1...count {
      let best = features.indices.filter { !chosen.contains($0) }.min { a, b in
        func distance(_ i: Int) -> Double {
          (0..<width).reduce(0) {
            let gap = mean[$1] - (features[i][$1] + sum[$1]) / Double(k)
            return $0 + gap * gap
          }
        }
        return distance(a) < distance(b)
      }
      guard let best else { break }
      chosen.append(best)
      for d in 0..<width { sum[d] += features[best][d] }
    }
    return chosen
  }

  @Test(arguments: [1, 5, 40])
  func herdingIsTheAlgorithmOfThePaper(count: Int) throws {
    let features = try Tensor.normal([40, 6], Generator(seed: 8))
    let rows = try (0..<40).map { try features[$0].floats().map(Double.init) }
    #expect(
      try ExemplarSelection.herding(features, count: count) == Self.herdingAsWritten(rows, count: count))
  }

  /// No example is taken twice, also where all are alike (Avalanche subtracts even duplicates).
  @Test func herdingTakesAnExampleTwice() throws {
    let chosen = try ExemplarSelection.herding(Tensor.ones([6, 3]), count: 6)
    #expect(chosen.sorted() == Array(0..<6))
    #expect(try ExemplarSelection.herding(Tensor.ones([6, 3]), count: 0) == [])
  }

  static func learn(_ selection: ExemplarSelection, memory: Int, _ experiences: Int) throws -> (
    Learner, Replay
  ) {
    let stream = try Clusters().stream()
    let replay = Method.replay { ($0.selection, $0.insert, $0.memory) = (selection, .end, memory) }
    let learner = try Learner(
      .tiny(), optimizer: SGD(learningRate: 0.05), strategies: [replay], options: TrainingOptions(batch: 8),
      pipeline: stream.pipeline, seed: 2)
    try learner.learn(stream, experiences)
    return (learner, replay)
  }

  /// ⌈memory / classes⌉ of each class would exceed the budget.
  @Test(arguments: [ExemplarSelection.herding, .entropy, .distance], [13, 20, 72, 500])
  func sharesAreRoundedUp(selection: ExemplarSelection, memory: Int) throws {
    let (_, replay) = try Self.learn(selection, memory: memory, 3)
    let kept = try #require(try replay.memory?.examples)
    #expect(kept.count <= memory && kept.count == min(memory, 72))
    let identifiers = try kept.identifiers.integers()
    #expect(Set(identifiers).count == kept.count)
    let counts = Dictionary(try kept.targets.integers().map { ($0, 1) }, uniquingKeysWith: +)
    #expect(counts.count == 6 && (counts.values.max() ?? 9) - (counts.values.min() ?? 0) <= 1)
    let data = try Clusters().source().train
    #expect(try kept.inputs.equals(data.inputs.indexSelect(kept.identifiers)))
    #expect(try replay.memory?.experiences() == kept.targets.integers().map { $0 / 2 })
  }

  /// Exemplars are kept in herding order, so a class that shrinks keeps its best (Avalanche keeps the data set's order).
  @Test(arguments: [ExemplarSelection.herding, .entropy, .distance])
  func exemplarsAreKeptInTheOrderOfTheData(selection: ExemplarSelection) throws {
    let (learner, replay) = try Self.learn(selection, memory: 12, 1)
    let before = try #require(try replay.memory?.examples)
    let units = try before.targets.integers()
    let order = try before.identifiers.integers()
    // Twelve examples of each class, six are kept of each: the same ones that choosing again would give.
    let stream = try Clusters().stream()
    let experience = try stream.experience(0).examples
    for unit in 0..<2 {
      let places = try experience.targets.integers().enumerated().filter { $0.element == unit }.map(\.offset)
      let again = try selection.choose(6, of: experience, places, task: nil, learner)
      let identifiers = try experience.identifiers.indexSelect(Tensor(again)).integers()
      #expect(zip(units, order).filter { $0.0 == unit }.map(\.1) == identifiers)
    }
    try learner.learn(stream.experience(1))
    let after = try #require(try replay.memory?.examples)
    let (left, classes) = (try after.identifiers.integers(), try after.targets.integers())
    for unit in 0..<2 {
      let was = zip(units, order).filter { $0.0 == unit }.map(\.1)
      #expect(zip(classes, left).filter { $0.0 == unit }.map(\.1) == Array(was.prefix(3)))
    }
  }

  @Test func theLeastSureAreChosen() throws {
    let (learner, _) = try Self.learn(.random, memory: 12, 2)
    let stream = try Clusters().stream()
    let examples = try stream.experience(1).examples
    let outputs = try learner.predict(
      stream.pipeline(examples.inputs, Tensor.arange(0, 24), augmentation: nil))
    let p = try outputs.softmax()
    let entropy = try (-(p * p.log()).sum([1])).floats()
    let own = try outputs.gather(examples.targets.unsqueeze(1), dim: 1).squeeze(1).floats()
    let all = Array(0..<24)
    let byEntropy = try ExemplarSelection.entropy.choose(5, of: examples, all, task: nil, learner)
    #expect(byEntropy == Array(all.sorted { entropy[$0] > entropy[$1] }.prefix(5)))
    let byDistance = try ExemplarSelection.distance.choose(5, of: examples, all, task: nil, learner)
    #expect(byDistance == Array(all.sorted { own[$0] < own[$1] }.prefix(5)))
  }

  // MARK: - Memory in bytes

  struct Size: Configurable {
    var memory: ByteCount?
    init() {}
  }

  static func size(_ text: String) throws -> Int? {
    try ConfigurationNode(yaml: "memory: \(text)", source: "test").decode(Size.self).memory?.bytes
  }

  @Test func sizesAreRead() throws {
    #expect(try Self.size("500 KiB") == 512_000)
    #expect(try Self.size("1.5MB") == 1_500_000)
    #expect(try Self.size("2_000 B") == 2000)
    #expect(try Self.size("4096") == 4096)
    for wrong in ["many", "-1 KiB", "0", "5 parsecs", "[1]"] {
      #expect(throws: ConfigurationError.self) { try Self.size(wrong) }
    }
  }

  /// The budget is kept to, raw example by raw example.
  @Test(arguments: [200, 640, 1000])
  func bytesAreABudget(bytes: Int) throws {
    let stream = try Clusters().stream()
    let replay = Method.replay { $0.memoryBytes = ByteCount(bytes) }
    let learner = try Learner(
      .tiny(), optimizer: SGD(learningRate: 0.05), strategies: [replay], options: TrainingOptions(batch: 8),
      pipeline: stream.pipeline, seed: 2)
    try learner.learn(stream)
    // Eight floats, and a target, an identifier and an experience of eight bytes each.
    #expect(replay.memory?.count == bytes / 56)
    #expect(replay.replayBytes <= bytes && replay.replayBytes > bytes - 56)
    let tight = Method.replay { $0.memoryBytes = ByteCount(55) }
    let other = try Learner(
      .tiny(), optimizer: SGD(learningRate: 0.05), strategies: [tight], pipeline: stream.pipeline)
    #expect(throws: StrategyError.memoryTooSmall(memory: 0, classes: 2)) {
      try other.begin(stream.experience(0))
    }
  }

  @Test func aSelectionNeedsTheEnd() throws {
    #expect(throws: ConfigurationError.self) {
      try ConfigurationNode(yaml: "{selection: herding}", source: "test").decode(Replay.Options.self)
    }
    let options = try ConfigurationNode(
      yaml: "{selection: herding, insert: end, memory_bytes: 1 KiB}", source: "test"
    )
    .decode(Replay.Options.self)
    #expect(options.memoryBytes == ByteCount(1024))
  }
}
