import Testing
import Torch

@testable import Perennial

/// Scores against a loop over examples that is written here.
@Suite struct EvaluatorTests {
  static func learner(_ stream: Perennial.Stream, blueprint: Blueprint = .tiny(), seed: UInt64 = 4) throws
    -> Learner
  {
    try Learner(
      blueprint, optimizer: SGD(learningRate: 0.1, momentum: 0.5),
      options: TrainingOptions(batch: 6, length: .epochs(3)), pipeline: stream.pipeline, seed: seed)
  }

  /// The place of the largest output among `units`.
  static func best(_ outputs: [Float], among units: [Int]) -> Int? {
    units.max { (outputs[$0], -$0) < (outputs[$1], -$1) }
  }

  /// The outputs of one example, in evaluation mode.
  static func outputs(_ learner: Learner, _ examples: Examples, _ n: Int) throws -> [Float] {
    try noGrad {
      try learner.model.evaluating { try learner.model(examples.inputs[n..<(n + 1)]).floats() }
    }
  }

  struct Expected: Equatable {
    var score = 0.0
    var taskMasked = 0.0
    var correct: [Bool] = []
    var classes: [Int: Tally] = [:]
  }

  /// The scores of a learner for test set `index`, when all of its labels are known to it.
  static func bruteForce(_ learner: Learner, _ stream: Perennial.Stream, _ index: Int) throws -> Expected {
    let examples = try stream.test(index)
    let labels = try examples.targets.integers()
    let own = Set(labels).compactMap { learner.classes.unit(of: $0) }.sorted()
    let competing = stream.scenario == .taskIncremental ? own : Array(0..<learner.classes.count)
    var expected = Expected()
    var masked = 0
    for n in 0..<examples.count {
      let outputs = try Self.outputs(learner, examples, n)
      let isRight = best(outputs, among: competing).map { learner.classes.labels[$0] } == labels[n]
      expected.correct.append(isRight)
      expected.classes[labels[n], default: Tally()].record(isRight)
      if best(outputs, among: own).map({ learner.classes.labels[$0] }) == labels[n] { masked += 1 }
    }
    expected.score = Double(expected.correct.count { $0 }) / Double(examples.count)
    expected.taskMasked = Double(masked) / Double(examples.count)
    return expected
  }

  static func found(_ look: Evaluator.Look, _ index: Int) -> Expected {
    let score = look.scores[index]
    return Expected(
      score: score.score, taskMasked: score.taskMasked ?? -1, correct: look.correct[index],
      classes: score.classes)
  }

  @Test(arguments: Scenario.allCases)
  func theMatrixIsThatOfALoopOverExamples(scenario: Scenario) throws {
    let stream = try Clusters(perTest: 9, spread: 1.4).stream(scenario)
    let learner = try Self.learner(stream)
    let evaluator = Evaluator(stream)
    var seen: Set<Double> = []
    for index in 0..<3 {
      try learner.learn(stream.experience(index))
      let look = try evaluator.look(at: learner)
      #expect(look.scores.count == 3 && look.correct.count == 3)
      for test in 0..<3
      where test <= index || scenario == .domainIncremental || scenario == .instanceIncremental {
        let found = Self.found(look, test)
        #expect(try found == Self.bruteForce(learner, stream, test), "after \(index), on \(test)")
        seen.insert(found.score)
      }
    }
    #expect(seen.count > 2, "the scores differ: \(seen)")
  }

  /// All classes seen so far compete, those to come do not exist: an unseen class is never right.
  @Test func unseenClassesScoreNothingInTheClassScenario() throws {
    let stream = try Clusters().stream()
    let learner = try Self.learner(stream)
    // Two classes have come and nothing was learned, so units of classes to come would win as often.
    try learner.begin(stream.experience(0))
    try learner.end()
    let look = try Evaluator(stream).look(at: learner)
    for test in 1..<3 {
      #expect(look.scores[test].score == 0)
      #expect(look.correct[test].allSatisfy { !$0 })
      #expect(look.scores[test].classes.values.reduce(Tally(), +) == Tally(correct: 0, total: 10))
    }
    #expect(learner.model.head.outputs == 2, "the learner learned nothing of classes to come")
    #expect(learner.classes.count == 2)
  }

  /// The masked score of a task to come is that of untrained units on the features of now.
  @Test(arguments: [Scenario.classIncremental, .taskIncremental])
  func theMaskedScoreOfWhatIsUnseenIsThatOfUntrainedUnits(scenario: Scenario) throws {
    let stream = try Clusters(perTest: 60).stream(scenario)
    var scores: [Double] = []
    for seed in 0..<30 {
      let learner = try Self.learner(stream, seed: UInt64(seed))
      try learner.learn(stream, 1)
      let look = try Evaluator(stream).look(at: learner)
      let again = try Evaluator(stream).look(at: learner)
      #expect(look.scores == again.scores)
      scores += look.scores[1...].compactMap(\.taskMasked)
      if scenario == .taskIncremental { #expect(look.scores[1].score == look.scores[1].taskMasked) }
    }
    let mean = scores.reduce(0, +) / Double(scores.count)
    #expect(abs(mean - 0.5) < 0.12, "chance of two classes: \(mean)")
    #expect(Set(scores).count > 10)
  }

  /// Before any learning all classes of the stream compete.
  @Test func theUntrainedModelIsScoredOverAllClasses() throws {
    let stream = try Clusters(perTest: 40).stream()
    var scores: [Double] = []
    for seed in 0..<30 {
      let learner = try Self.learner(stream, seed: UInt64(seed))
      let look = try Evaluator(stream).look(at: learner, allClassesCompete: true)
      scores += look.scores.map(\.score)
      #expect(learner.model.head.outputs == 0)
    }
    let mean = scores.reduce(0, +) / Double(scores.count)
    #expect(abs(mean - 1 / 6.0) < 0.06, "chance of six classes: \(mean)")
  }

  /// Units are given in the order of arrival; scores go by labels.
  @Test func theOrderOfClassesDoesNotConfuseLabels() throws {
    let stream = try Clusters(spread: 0.2).stream { $0.classOrder = .given([5, 0, 3, 1, 2, 4]) }
    let learner = try Self.learner(stream)
    try learner.learn(stream)
    let look = try Evaluator(stream).look(at: learner)
    for test in 0..<3 { #expect(try Self.found(look, test) == Self.bruteForce(learner, stream, test)) }
    #expect(look.scores[2].score > 0.9)
    #expect(Set(look.scores[2].classes.keys) == [2, 4])
  }

  @Test func labelsThatTheLearnerNeverMetAreWrong() throws {
    let stream = try Clusters().stream()
    let learner = try Self.learner(stream)
    #expect(try Evaluator(stream).score(1, of: learner, limit: 5) == 0)
    try learner.learn(stream, 1)
    #expect(try Evaluator(stream).score(1, of: learner, limit: 5) == 0)
    #expect(try Evaluator(stream).score(0, of: learner, limit: 5) > 0)
  }

  @Test func aLimitScoresTheFirstExamples() throws {
    let stream = try Clusters().stream()
    let learner = try Self.learner(stream)
    try learner.learn(stream, 2)
    let all = try Self.bruteForce(learner, stream, 1)
    for limit in [1, 4, 10, 1000] {
      let right = all.correct.prefix(limit)
      let expected = Double(right.count { $0 }) / Double(right.count)
      #expect(try Evaluator(stream).score(1, of: learner, limit: limit) == expected)
    }
  }

  /// More test examples than one batch of the evaluator.
  @Test func piecesAreJoined() throws {
    let stream = try Clusters(classes: 2, perTest: 1250, spread: 2).stream(experiences: 2)
    let learner = try Self.learner(stream)
    try learner.learn(stream)
    let look = try Evaluator(stream).look(at: learner)
    #expect(look.correct[0].count == 1250)
    #expect(try Self.found(look, 0) == Self.bruteForce(learner, stream, 0))
  }

  /// Where dropout and batch normalisation are, evaluating is another pass: it must leave nothing behind.
  @Test(arguments: [Setting.dropoutAndNorm, .plain, .tasks, .domains, .fixedHead, .meansHead, .blurredSteps])
  func lookingChangesNothing(setting: Setting) throws {
    func run(looking: Bool) throws -> [String: String] {
      let stream = try setting.stream()
      let evaluator = Evaluator(stream)
      let strategies: [any Strategy] = [Method.replay(), Method.lwf()]
      let learner = try setting.learner(strategies, stream: stream)
      func look() throws {
        guard looking else { return }
        let before = try learner.weights()
        _ = try evaluator.look(at: learner)
        _ = try evaluator.look(at: learner, allClassesCompete: true)
        if let session = learner.session {
          _ = try evaluator.score(session.experience.index, of: learner, limit: 5)
          #expect(learner.model.isTraining)
        }
        #expect(try learner.weights() == before)
      }
      try look()
      for index in 0..<stream.count {
        try learner.begin(stream.experience(index))
        try look()
        while let session = learner.session, !session.isDone {
          try learner.step()
          if session.step % 2 == 0 { try look() }
        }
        try learner.end()
        try look()
      }
      return try learner.state().fingerprint()
    }
    #expect(try run(looking: true) == run(looking: false))
  }

  @Test func augmentationIsNotForTestSets() throws {
    let stream = try Clusters().stream(pipeline: .noisy())
    let learner = try Self.learner(stream)
    try learner.learn(stream)
    let look = try Evaluator(stream).look(at: learner)
    #expect(try Self.found(look, 2) == Self.bruteForce(learner, stream, 2))
  }

  @Test func regressionIsScoredByItsObjective() throws {
    let random = try Generator(seed: 5)
    let map = try Tensor.normal([8, 2], random)
    func examples(_ count: Int) throws -> Examples {
      let inputs = try Tensor.normal([count, 8], random)
      return try Examples(inputs: inputs, targets: inputs.matmul(map))
    }
    let source = try DataSource(
      name: "values", train: examples(200), test: examples(50), pipeline: InputPipeline())
    let stream = try StreamPlan(scenario: .instanceIncremental, experiences: 2).stream(of: source, seed: 1)
    let learner = try Learner(
      .tiny(), objective: Regression(), optimizer: Adam(learningRate: 0.02),
      options: TrainingOptions(batch: 10, length: .epochs(30)), pipeline: stream.pipeline)
    let evaluator = Evaluator(stream)
    #expect(try evaluator.look(at: learner).scores.map(\.score) == [0, 0])
    try learner.learn(stream)
    let look = try evaluator.look(at: learner)
    #expect(look.correct.isEmpty)
    for index in 0..<2 {
      let test = try stream.test(index)
      let expected = try noGrad { try Regression().score(learner.model(test.inputs), test.targets) }
      #expect(abs(look.scores[index].score - expected) < 1e-5)
      #expect(expected > 0.8)
    }
  }
}
