import Testing
import Torch

@testable import Perennial

/// What must hold for every strategy, whatever it does.
@Suite struct StrategyLawTests {
  /// With its strength at 0, or its memory empty.
  static let weightless: [Method] =
    core + Method.weightlessRegularization + Method.weightlessReplay
    + Method.weightlessGenerative + Method.weightlessIsolation + Method.weightlessTransfer
    + Method.weightlessTaskFree + Method.weightlessDistillation + Method.weightlessClassIncremental

  private static let core: [Method] = [
    Method("ewc, λ = 0") { [Method.ewc { $0.lambda = 0 }] },
    Method("ewc separate, λ = 0") { [Method.ewc { ($0.lambda, $0.mode) = (0, .separate) }] },
    Method("ewc online, λ = 0") { [Method.ewc { ($0.lambda, $0.mode, $0.fisher) = (0, .online, .sampled) }] },
    Method("lwf, w = 0") { [Method.lwf { $0.weight = 0 }] },
    Method("lwf van-de-ven, w = 0") { [Method.lwf { ($0.weight, $0.variant) = (0, .vanDeVen) }] },
    Method("lwf avalanche, w = 0") { [Method.lwf { ($0.weight, $0.variant) = (0, .avalanche) }] },
    Method("l1, λ = 0") { [WeightPenalty(.l1, lambda: 0)] },
    Method("l2, λ = 0") { [WeightPenalty(.l2, lambda: 0)] },
    Method("l2-previous, λ = 0") { [WeightPenalty(.l2Previous, lambda: 0)] },
    Method("all of them") {
      [Method.ewc { $0.lambda = 0 }, Method.lwf { $0.weight = 0 }, WeightPenalty(.l2, lambda: 0)]
    },
  ]

  /// What changes the first experience too, by what it is: penalties on the weights themselves, rehearsal within an
  /// experience, boundaries inside it, networks and losses of their own.
  private static let ownFirstExperience = Set(
    ["l1", "l2"] + Method.changingTheFirstExperience + Method.ownFirstExperience + Method.taughtFromTheStart
      + Method.companions.map(\.name) + Method.adapters.map(\.name) + Method.classIncrementalFromTheStart
      + Method.compression.map(\.name)
  ).union(Method.generativeFromTheStart)

  private static func learnsTheFirstExperiencePlainly(_ method: Method) -> Bool {
    !ownFirstExperience.contains(method.name)
      && !["replay", "boundaries"].contains { method.name.hasPrefix($0) }
  }

  static func train(_ method: Method, _ setting: Setting, experiences: Int? = nil) throws -> (
    Learner, losses: [Double]
  ) {
    let stream = try setting.stream()
    let learner = try setting.learner(method.make(), stream: stream)
    return (learner, try learner.learn(stream, experiences))
  }

  @Test(arguments: weightless, Setting.allCases)
  func withoutWeightTrainingIsFineTuning(method: Method, setting: Setting) throws {
    guard method.serves(setting) else { return }
    let (plain, losses) = try Self.train(Method("finetune") { [] }, setting)
    let (learner, same) = try Self.train(method, setting)
    #expect(same == losses)
    #expect(try learner.weights() == plain.weights())
  }

  /// Nothing is there yet to remember, so the first experience is learned as without a strategy.
  @Test(
    arguments: Method.all.filter(learnsTheFirstExperiencePlainly),
    [Setting.plain, .dropoutAndNorm, .tasks])
  func theFirstExperienceIsFineTuning(method: Method, setting: Setting) throws {
    guard method.serves(setting) else { return }
    let (plain, losses) = try Self.train(Method("finetune") { [] }, setting, experiences: 1)
    let (learner, same) = try Self.train(method, setting, experiences: 1)
    #expect(same == losses)
    #expect(try learner.weights() == plain.weights())
  }

  /// What a report compares by the end of a run: a model has no tap that its own forward pass does not reach.
  @Test(arguments: Method.all)
  func everyTapOfTheModelIsReached(method: Method) throws {
    let setting = method.setting
    let stream = try setting.stream()
    let learner = try setting.learner(method.make(), stream: stream)
    try learner.learn(stream, 2)
    let task = stream.scenario == .taskIncremental ? 1 : nil
    let inputs = try learner.batch(
      of: stream.test(1), Tensor.arange(0, 4), task: task, isAugmented: false
    ).inputs
    let look = try learner.look(inputs, task: task, taps: learner.model.tapNames)
    #expect(Set(look.taps.keys).union(["features", "outputs"]) == Set(learner.model.tapNames))
  }

  /// And every strategy does something from the second experience on: it learns something else, or answers otherwise.
  @Test(arguments: Method.all.dropFirst())
  func theSecondExperienceIsNot(method: Method) throws {
    let setting = method.setting
    let (plain, _) = try Self.train(Method("finetune") { [] }, setting, experiences: 2)
    let (learner, _) = try Self.train(method, setting, experiences: 2)
    let inputs = try setting.stream().test(0).inputs
    let task = setting.scenario == .taskIncremental ? 0 : nil
    let isSame =
      try learner.weights() == plain.weights()
      && learner.predict(inputs, task: task).equals(plain.predict(inputs, task: task))
    #expect(!isSame)
  }

  @Test func theSameSeedGivesTheSameBitsAndAnotherDoesNot() throws {
    let stream = try Setting.adamAugmented.stream()
    func weights(seed: UInt64) throws -> [String: [UInt8]] {
      let learner = try Learner(
        .tiny(dropout: 0.2), optimizer: Adam(), strategies: [Method.replay()],
        options: TrainingOptions(batch: 8), pipeline: stream.pipeline, seed: seed)
      try learner.learn(stream)
      return try learner.weights()
    }
    #expect(try weights(seed: 1) == weights(seed: 1))
    #expect(try weights(seed: 1) != weights(seed: 2))
  }

  /// Turning a strategy on moves no random stream of plain training: the order of the data is the same.
  @Test(
    arguments: Method.all.filter {
      !(["joint", "cumulative"] + Method.generativeWithOtherExamples
        + Method.exemplarDistillation.map(\.name)).contains($0.name)
    })
  func strategiesLeaveTheOrderOfTheDataAlone(method: Method) throws {
    let setting = method.setting
    func places(_ method: Method) throws -> [[Int]] {
      let stream = try setting.stream()
      let spy = Spy()
      let learner = try setting.learner(method.make() + [spy], stream: stream)
      try learner.learn(stream)
      return spy.places
    }
    #expect(try places(method) == places(Method("finetune") { [] }))
  }
}
