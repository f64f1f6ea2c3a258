import Torch

/// Scores a learner on the test sets of a stream; sees what learners must not.
public final class Evaluator {
  /// What one look at all test sets gives.
  public struct Look {
    /// One score a test set.
    public let scores: [TestScore]
    /// Which examples of each test set were right, as scored.
    public let correct: [[Bool]]
  }

  public let stream: Stream
  /// What test sets were last asked for after.
  private var learned: Int?
  private var tests: [Int: Examples] = [:]
  private var labels: [Int: [Int]] = [:]
  private static let batch = 1000

  public init(_ stream: Stream) { self.stream = stream }

  /// Scores on every test set, unseen experiences included, by one forward pass each.
  ///
  /// - Parameters:
  ///   - learned: the experience that was learned last, or is being learned; nil before any learning.
  ///   - allClassesCompete: also those to come, as for a model before any learning.
  public func look(at learner: Learner, after learned: Int? = nil, allClassesCompete: Bool = false) throws
    -> Look
  {
    if stream.replacesTests, learned != self.learned { (tests, labels) = ([:], [:]) }
    self.learned = learned
    guard learner.objective.isClassification else { return try lookAtValues(learner) }
    var space = learner.classes
    for index in 0..<stream.count {
      space.admit(Set(try testLabels(index)), task: stream.scenario == .taskIncremental ? index : nil)
    }
    let head = try probe(of: learner, outputs: space.count)
    let competing = allClassesCompete ? space.count : learner.classes.count
    var scores: [TestScore] = []
    var correct: [[Bool]] = []
    for index in 0..<stream.count {
      let (score, right) = try score(index, head, space, competing, learner)
      scores.append(score)
      correct.append(right)
    }
    return Look(scores: scores, correct: correct)
  }

  /// The score on the first `limit` test examples of one experience, or on so many places where a row has one for each token.
  public func score(_ index: Int, of learner: Learner, limit: Int) throws -> Double {
    guard learner.objective.isClassification else {
      let test = try test(index)
      let isOfTokens = learner.objective.hasAlternatives && test.targets.rank == 2
      let places = isOfTokens ? test.targets.shape[1] : 1
      return try valueScore(test, learner, limit: max(limit / max(places, 1), 1))
    }
    return try score(index, nil, learner.classes, learner.classes.count, learner, limit: limit).0.score
  }

  /// Scores of another network with the learner's units on the first `count` test sets, units of other tasks left out.
  public func scores(of network: Network, beside learner: Learner, count: Int) throws -> [Double] {
    try (0..<count).map { index in
      let task = stream.scenario == .taskIncremental ? index : nil
      var examples = try test(index)
      if learner.objective.isClassification {
        examples = try examples.with(targets: learner.classes.units(for: examples.targets))
      }
      return try learner.objective.score(over: examples.count, targets: examples.targets, learner.device) {
        let places = try Tensor.arange($0.lowerBound, $0.upperBound)
        let batch = try learner.batch(of: examples, places, task: task, isAugmented: false)
        let outputs = try learner.mask(network.evaluating { try network(batch.inputs) }, batch)
        return try learner.objective.sums(outputs, $1)
      }
    }
  }

  /// The head with untrained units for the classes to come, drawn apart from the learner's random streams; nil when
  /// its own will do.
  private func probe(of learner: Learner, outputs: Int) throws -> (any Head)? {
    guard outputs > learner.model.head.outputs else { return nil }
    let probe = try learner.blueprint.copy(of: learner.model)
    try probe.head.grow(to: outputs, RandomStreams(seed: learner.random.seed).stream("probe"))
    if learner.device != .cpu { try probe.move(to: learner.device) }
    probe.evaluate()
    return probe.head
  }

  private func score(
    _ index: Int, _ head: (any Head)?, _ space: ClassSpace, _ competing: Int, _ learner: Learner,
    limit: Int = .max
  ) throws -> (TestScore, [Bool]) {
    let examples = try test(index)
    let own = Set(try testLabels(index).compactMap(space.unit)).sorted()
    let ownUnits = try Tensor(own).to(learner.device)
    let truth = try testLabels(index)
    var classes: [Int: Tally] = [:]
    var right: [Bool] = []
    var rightAmongOwn = 0
    let count = min(examples.count, limit)
    for start in stride(from: 0, to: count, by: Self.batch) {
      let outputs = try outputs(
        examples, start..<min(start + Self.batch, count), learner,
        task: stream.scenario == .taskIncremental ? index : nil, head: head,
        width: space.count)
      let amongOwn =
        own.isEmpty
        ? [Int](repeating: -1, count: outputs.shape[0])
        : try outputs.indexSelect(ownUnits, dim: 1).argmax(1).integers().map { own[$0] }
      let among =
        stream.scenario == .taskIncremental || competing == 0
        ? amongOwn : try outputs.narrow(dim: 1, start: 0, count: competing).argmax(1).integers()
      for (offset, (free, masked)) in zip(among, amongOwn).enumerated() {
        let label = truth[start + offset]
        let unit = space.unit(of: label)
        let isRight = free == unit && (competing > 0 || stream.scenario == .taskIncremental)
        classes[label, default: Tally()].record(isRight)
        right.append(isRight)
        if masked == unit { rightAmongOwn += 1 }
      }
    }
    return (TestScore(classes: classes, taskMasked: Double(rightAmongOwn) / Double(max(count, 1))), right)
  }

  /// Outputs `[N, width]`; units that a strategy's answer does not know yet are −∞.
  private func outputs(
    _ examples: Examples, _ range: Range<Int>, _ learner: Learner, task: Int? = nil,
    head: (any Head)? = nil, width: Int
  ) throws -> Tensor {
    try noGrad {
      let outputs = try learner.predict(inputs(examples, range, learner), task: task, head: head)
      guard outputs.shape[1] < width else { return outputs }
      return try outputs.padded([0, width - outputs.shape[1]], value: -Double.infinity)
    }
  }

  private func inputs(_ examples: Examples, _ range: Range<Int>, _ learner: Learner) throws -> Tensor {
    try learner.pipeline(
      examples.inputs, Tensor.arange(range.lowerBound, range.upperBound), augmentation: nil,
      device: learner.device)
  }

  private func test(_ index: Int) throws -> Examples {
    if let examples = tests[index] { return examples }
    let examples = try stream.test(index, after: learned)
    // Test sets that are views of one data set are kept; transformed ones are made again when they are large.
    if examples.inputs.byteCount < 64 << 20 { tests[index] = examples }
    return examples
  }

  private func testLabels(_ index: Int) throws -> [Int] {
    if let labels = labels[index] { return labels }
    let all = try test(index).targets.integers()
    labels[index] = all
    return all
  }
}

// MARK: - Objectives without classes

extension Evaluator {
  private func lookAtValues(_ learner: Learner) throws -> Look {
    let scores = try (0..<stream.count).map {
      TestScore(try valueScore(stream.test($0, after: learned), learner, limit: .max))
    }
    return Look(scores: scores, correct: [])
  }

  private func valueScore(_ examples: Examples, _ learner: Learner, limit: Int) throws -> Double {
    guard learner.model.head.outputs > 0 else { return 0 }
    return try learner.objective.score(
      over: min(examples.count, limit), targets: examples.targets, learner.device
    ) { range, targets in
      let inputs = try inputs(examples, range, learner)
      return try learner.objective.sums(learner, inputs, task: nil, targets) { try learner.predict(inputs) }
    }
  }
}
