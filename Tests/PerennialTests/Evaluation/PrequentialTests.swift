import Foundation
import Testing
import Torch

@testable import Perennial

@Suite struct PrequentialTests {
  static func learner(_ stream: Perennial.Stream, _ strategies: [any Strategy] = []) throws -> Learner {
    try Learner(
      .tiny(batchNorm: true, dropout: 0.2), optimizer: SGD(learningRate: 0.1), strategies: strategies,
      options: TrainingOptions(batch: 8), pipeline: stream.pipeline, seed: 7)
  }

  static func evaluator(_ delay: Int, window: Int = 10) -> PrequentialEvaluator {
    var options = PrequentialOptions()
    (options.delay, options.window) = (delay, window)
    return PrequentialEvaluator(options, isClassification: true)
  }

  static func stream() throws -> Perennial.Stream {
    try Clusters(classes: 3, perClass: 20).stream(.instanceIncremental, experiences: 2)
  }

  /// Right answers by asking a second learner at the right moment, with the batches that a plain run drew.
  static func reference(delay: Int, afterLearning: Bool = false) throws -> (right: [Bool], places: [[Int]]) {
    let stream = try stream()
    let spy = Spy()
    try learner(stream, [spy]).learn(stream)
    let other = try learner(stream)
    var right: [Bool] = []
    var first = 0
    for index in 0..<stream.count {
      let experience = try stream.experience(index)
      try other.begin(experience)
      let steps = try #require(other.session).steps
      let batches = Array(spy.places[first..<first + steps])
      first += steps
      var answers = [Int: [Bool]]()
      func ask(_ batch: Int) throws {
        let examples = try experience.examples.select(batches[batch])
        let units = try other.classes.units(for: examples.targets).integers()
        answers[batch] = zip(try other.predict(examples.inputs).argmax(1).integers(), units).map { $0 == $1 }
      }
      for step in 0..<steps {
        for batch in 0..<steps where max(0, batch - delay) == step && !afterLearning { try ask(batch) }
        try other.step()
        if afterLearning { try ask(step) }
      }
      try other.end()
      for batch in 0..<steps { right += answers[batch] ?? [] }
    }
    return (right, spy.places)
  }

  static func run(delay: Int, saving: Bool = false) throws -> (record: PrequentialRecord, learner: Learner) {
    let stream = try stream()
    let learner = try learner(stream)
    var evaluator = evaluator(delay)
    for index in 0..<stream.count {
      try learner.begin(stream.experience(index))
      while let session = learner.session, !session.isDone {
        _ = try evaluator.precede(learner)
        try learner.step()
        if saving {
          evaluator = try JSONDecoder().decode(
            PrequentialEvaluator.self, from: JSONEncoder().encode(evaluator))
        }
      }
      try learner.end()
    }
    return (evaluator.record, learner)
  }

  @Test(arguments: [0, 1, 2, 5])
  func everyBatchIsPredictedBeforeItIsLearned(delay: Int) throws {
    let (right, _) = try Self.reference(delay: delay)
    let record = try Self.run(delay: delay).record
    #expect(record.items == 60 && right.count == 60)
    #expect(abs((record.score ?? 0) - Double(right.count { $0 }) / 60) < 1e-12)
    #expect(record.points.count >= 6)
    for point in record.points {
      let (all, last) = (right.prefix(point.items), right.prefix(point.items).suffix(10))
      #expect(abs(point.overall - Double(all.count { $0 }) / Double(all.count)) < 1e-12)
      #expect(abs(point.window - Double(last.count { $0 }) / Double(last.count)) < 1e-12)
    }
  }

  /// The mistake of scoring what was just learned: the answers are better, and other.
  @Test func mistakeScoringAfterLearning() throws {
    let before = try Self.reference(delay: 0).right.count { $0 }
    let after = try Self.reference(delay: 0, afterLearning: true).right.count { $0 }
    #expect(after > before)
  }

  /// The mistake of answering late: what is scored with a delay is the answer that was given in time.
  @Test func mistakeScoringWithTheModelOfTheLabelsTime() throws {
    #expect(try Self.reference(delay: 5).right != Self.reference(delay: 0).right)
    #expect(try Self.run(delay: 5).record.score != Self.run(delay: 0).record.score)
  }

  @Test(arguments: [0, 3])
  func judgingChangesNothing(delay: Int) throws {
    let stream = try Self.stream()
    let plain = try Self.learner(stream)
    try plain.learn(stream)
    #expect(try Self.run(delay: delay).learner.weights() == plain.weights())
  }

  @Test(arguments: [0, 3])
  func aSavedEvaluatorGoesOn(delay: Int) throws {
    #expect(try Self.run(delay: delay, saving: true).record == Self.run(delay: delay).record)
  }

  @Test func valuesAreScoredByDetermination() throws {
    let source = try Clusters(classes: 2, perClass: 30).source()
    let values = try source.train.inputs.narrow(dim: 1, start: 0, count: 1).reshape([-1])
    let experience = try Experience(index: 0, name: "values", examples: source.train.with(targets: values))
    let learner = try Learner(
      .tiny(), objective: Regression(), optimizer: SGD(learningRate: 0.05),
      options: TrainingOptions(batch: 6, keepsOrder: true), pipeline: source.pipeline, seed: 1)
    var options = PrequentialOptions()
    options.window = 12
    var evaluator = PrequentialEvaluator(options, isClassification: false)
    try learner.begin(experience)
    var (answers, truth): ([Double], [Double]) = ([], try values.array(of: Float.self).map(Double.init))
    while let session = learner.session, !session.isDone {
      let rows = try source.train.inputs.narrow(dim: 0, start: session.step * 6, count: 6)
      answers += try learner.predict(rows).reshape([-1]).array(of: Float.self).map(Double.init)
      _ = try evaluator.precede(learner)
      try learner.step()
    }
    func determination(_ answers: ArraySlice<Double>, _ truth: ArraySlice<Double>) -> Double {
      let mean = truth.reduce(0, +) / Double(truth.count)
      let errors = zip(answers, truth).reduce(0) { $0 + ($1.0 - $1.1) * ($1.0 - $1.1) }
      return 1 - errors / truth.reduce(0) { $0 + ($1 - mean) * ($1 - mean) }
    }
    truth = Array(truth.prefix(answers.count))
    #expect(answers.count == 60)
    let score = try #require(evaluator.record.score)
    #expect(abs(score - determination(answers[...], truth[...])) < 1e-6)
    let last = try #require(evaluator.record.points.last)
    #expect(abs(last.window - determination(answers.suffix(12), truth.suffix(12))) < 1e-6)
  }

  @Test func onlyOnlineStreamsAreJudgedSo() throws {
    let yaml = """
      name: t
      stream: {data: d, scenario: instance, experiences: 1, prequential: {delay: 1}}
      model: mlp
      training: {optimizer: sgd, batch: 8, steps: 3}
      strategies: {a: []}
      seeds: [0]
      """
    var message = ""
    do { _ = try Recipe(yaml: yaml, source: "t.yaml") } catch { message = "\(error)" }
    #expect(message.contains("online: 10"))
  }
}
