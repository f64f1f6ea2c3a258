import Testing
import Torch

@testable import Perennial

@Suite struct JointTests {
  static func look(
    _ joint: Joint, _ options: TrainingOptions, scenario: Scenario = .classIncremental,
    _ body: @escaping (Step) throws -> Void
  ) throws -> Learner {
    let stream = try Clusters().stream(scenario)
    let learner = try Learner(
      .tiny(), optimizer: Adam(learningRate: 0.01), strategies: [joint, Spy(body)], options: options,
      pipeline: stream.pipeline, seed: 1)
    try learner.learn(stream)
    return learner
  }

  @Test func everythingSeenSoFarIsTrainedOn() throws {
    for joint in [Joint(), Joint.cumulative()] {
      var classes: [Int: Set<Int>] = [:]
      let learner = try Self.look(joint, TrainingOptions(batch: 12)) { step in
        let index = step.session.experience.index
        #expect(step.session.examples.count == 24 * (index + 1))
        classes[index, default: []].formUnion(try step.batch.targets.integers())
      }
      #expect(classes == [0: [0, 1], 1: [0, 1, 2, 3], 2: [0, 1, 2, 3, 4, 5]])
      #expect(learner.totalSteps == 2 + 4 + 6)
      #expect(joint.replayBytes == 72 * 8 * 4)
    }
  }

  /// With a number of steps, joint training gets those of all experiences so far; cumulative does not.
  @Test func theBudgetGrowsWithJointTraining() throws {
    #expect(
      try Self.look(Joint(), TrainingOptions(batch: 8, length: .steps(5))) { _ in }.totalSteps == 5 + 10 + 15)
    let cumulative = try Self.look(Joint.cumulative(), TrainingOptions(batch: 8, length: .steps(5))) { _ in }
    #expect(cumulative.totalSteps == 15)
  }

  /// A cosine that is made for one experience goes up again in those that take longer.
  @Test func theScheduleLastsAsLongAsTheBudget() throws {
    let options = TrainingOptions(
      batch: 8, length: .steps(5), schedule: { _, budget in .cosine(steps: 5 * budget, minimum: 0) })
    var rates: [Int: [Double]] = [:]
    _ = try Self.look(Joint(), options) { step in
      rates[step.session.experience.index, default: []].append(step.learner.optimizer.learningRate)
    }
    #expect(rates.values.map(\.count).sorted() == [5, 10, 15])
    for course in rates.values {
      #expect(course == course.sorted(by: >) && Set(course).count == course.count)
    }
  }

  @Test func jointStartsAfreshAndCumulativeGoesOn() throws {
    for (joint, startsAfresh) in [(Joint(), true), (Joint.cumulative(), false)] {
      let stream = try Clusters().stream()
      let learner = try Learner(
        .tiny(), optimizer: Adam(learningRate: 0.01), strategies: [joint], options: TrainingOptions(batch: 8),
        pipeline: stream.pipeline)
      try learner.learn(stream, 1)
      let hidden = try #require(learner.model.parameters.first).parameter.value
      let before = try hidden.floats()
      try learner.begin(stream.experience(1))
      let after = try #require(learner.model.parameters.first).parameter.value.floats()
      #expect((before != after) == startsAfresh)
      #expect(try learner.optimizer.state().isEmpty == startsAfresh)
      #expect(learner.model.head.outputs == 4)
      #expect(learner.classes.labels == [0, 1, 2, 3], "units stay")
    }
  }

  /// Items of several tasks: each competes among its own task's units.
  @Test func everyItemKeepsItsTask() throws {
    _ = try Self.look(Joint(), TrainingOptions(batch: 12), scenario: .taskIncremental) { step in
      let tasks = try #require(step.batch.tasks).integers()
      #expect(try tasks == step.batch.targets.integers().map { $0 / 2 })
      #expect(step.batch.task == nil)
      let masked = try step.learner.mask(step.outputs, step.batch)
      let expected = try step.learner.objective.meanLoss(masked, step.batch.targets).item()
      expectNear(try step.terms[0].value.item(), expected, within: 1e-6)
      #expect(expected < 2)
    }
  }

  /// The domain scenario's first experience alone is fine-tuning; later ones see each domain.
  @Test func itLearnsWhatFineTuningForgets() throws {
    let learner = try Self.look(Joint(), TrainingOptions(batch: 8, length: .epochs(10))) { _ in }
    let scores = try Evaluator(Clusters().stream()).look(at: learner).scores.map(\.score)
    #expect((scores.min() ?? 0) > 0.7, "\(scores)")
  }
}
